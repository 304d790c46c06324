/*
 * symbolic.c
 *		Symbolic evaluation of planned expressions (see symbolic.h).
 *
 * What is known of a function is that of the server's arithmetic: sums and
 * products are exact, round() and trunc() depend on values alone. Of division
 * that is not so: how many decimals a quotient has depends on those with which
 * its operands are written, so that a quotient is an expression that is not
 * looked into. Two of those that are the same have the same value.
 */
#include "policy/symbolic.h"

#include "common/columns.h"
#include "policy/arithmetic.h"
#include "policy/comparison_form.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

static SymbolicValue
finite_value(const LinearForm *form)
{
	SymbolicValue value = {VALUE_FINITE, form};

	return value;
}

static SymbolicValue
not_finite(ValueKind kind)
{
	SymbolicValue value = {kind, NULL};

	return value;
}

/* The value of an atom, of those that it may have: NULL, and of type numeric a special one. */
static SymbolicValue
value_of_atom(ProofPath *path, const Atom *atom, bool may_be_null, bool may_be_special)
{
	ValueKind kinds[3] = {VALUE_FINITE};
	int count = 1;
	ValueKind kind;

	if (may_be_null)
		kinds[count++] = VALUE_NULL;
	if (may_be_special)
		kinds[count++] = VALUE_SPECIAL;
	kind = kinds[path_choose_value(path, atom, count)];
	return kind == VALUE_FINITE ? finite_value(form_atom(atom)) : not_finite(kind);
}

/* An expression that is not looked into. */
static SymbolicValue
opaque_value(ProofPath *path, Node *node)
{
	bool is_numeric = exprType(node) == NUMERICOID;

	return value_of_atom(path, atom_node(path->atoms, node, is_numeric ? SCALE_UNKNOWN : 0), true,
						 is_numeric);
}

static SymbolicTruth
opaque_truth(ProofPath *path, Node *node, bool may_be_null)
{
	return (SymbolicTruth) path_choose_truth(path, node, may_be_null ? 3 : 2);
}

/* A column that is never NULL, or a constant that is not. */
static bool
is_never_null(ProofPath *path, Node *node)
{
	if (IsA(node, Const))
		return !((Const *) node)->constisnull;
	if (IsA(node, RelabelType))
		return is_never_null(path, (Node *) ((RelabelType *) node)->arg);
	return IsA(node, Var) && path->facts->columns[((Var *) node)->varattno - 1].is_never_null;
}

/* Is an expression NULL? Of those that are not numbers or conditions it is a decision of its own. */
static bool
is_null(ProofPath *path, Node *node)
{
	NullTest *test;

	if (is_never_null(path, node))
		return false;
	if (arithmetic_is_number(exprType(node)))
		return symbolic_value(path, node).kind == VALUE_NULL;
	if (exprType(node) == BOOLOID)
		return symbolic_truth(path, node) == TRUTH_NULL;
	if (IsA(node, RelabelType))
		return is_null(path, (Node *) ((RelabelType *) node)->arg);
	test = makeNode(NullTest);
	test->arg = (Expr *) node;
	test->nulltesttype = IS_NULL;
	test->location = -1;
	return opaque_truth(path, (Node *) test, false) == TRUTH_TRUE;
}

static SymbolicValue
value_of_column(ProofPath *path, const Var *var)
{
	const ColumnFacts *facts = &path->facts->columns[var->varattno - 1];

	return value_of_atom(path, atom_column(path->atoms, var->varattno, facts->scale),
						 !facts->is_never_null, !facts->is_finite);
}

static SymbolicValue
value_of_constant(const Const *constant)
{
	Datum number = constant->constvalue;

	if (constant->constisnull)
		return not_finite(VALUE_NULL);
	switch (constant->consttype)
	{
		case INT2OID:
			return finite_value(form_integer(DatumGetInt16(number)));
		case INT4OID:
			return finite_value(form_integer(DatumGetInt32(number)));
		case INT8OID:
			return finite_value(form_integer(DatumGetInt64(number)));
		default:
			break;
	}
	if (numeric_is_nan(DatumGetNumeric(number)) || numeric_is_inf(DatumGetNumeric(number)))
		return not_finite(VALUE_SPECIAL);
	return finite_value(form_constant(number));
}

/* A whole number that is a constant of the text; false where it is none. */
static bool
constant_digits(Node *node, int *digits)
{
	const Const *constant = (const Const *) node;

	if (!IsA(node, Const) || constant->constisnull || constant->consttype != INT4OID)
		return false;
	*digits = DatumGetInt32(constant->constvalue);
	return *digits >= -1000 && *digits <= 1000;
}

static SymbolicValue
absolute_value(ProofPath *path, const LinearForm *form)
{
	return finite_value(path_sign(path, form) < 0 ? form_negate(form) : form);
}

static SymbolicValue
value_of_function(ProofPath *path, Oid function, Node *node, List *args, const LinearForm *form)
{
	int digits = 0;

	if (list_length(args) > 1 && !constant_digits(lsecond(args), &digits))
		return opaque_value(path, node);
	return finite_value(form_function(path->atoms, function, form, digits));
}

/* numeric(precision, scale). What does not fit the precision is refused, so that it books nothing. */
static SymbolicValue
value_of_scale(ProofPath *path, Node *node, List *args, const LinearForm *form)
{
	const Const *typmod = lsecond(args);
	int precision;
	int scale;

	if (!IsA(typmod, Const) || typmod->constisnull)
		return opaque_value(path, node);
	if (!column_numeric_size(DatumGetInt32(typmod->constvalue), &precision, &scale))
		return finite_value(form);
	return finite_value(form_round(path->atoms, form, scale));
}

/* Of two arguments that are finite, and the second is NULL where there is one. */
static SymbolicValue
compute(ProofPath *path, Arithmetic arithmetic, Node *node, List *args, const LinearForm *a,
		const LinearForm *b)
{
	LinearForm *product;

	switch (arithmetic)
	{
		case ARITHMETIC_ADD:
			return finite_value(form_add(a, b));
		case ARITHMETIC_SUBTRACT:
			return finite_value(form_subtract(a, b));
		case ARITHMETIC_MULTIPLY:
			product = form_product(path->atoms, a, b);
			return product != NULL ? finite_value(product) : opaque_value(path, node);
		case ARITHMETIC_NEGATE:
			return finite_value(form_negate(a));
		case ARITHMETIC_SAME:
			return finite_value(a);
		case ARITHMETIC_ABS:
			return absolute_value(path, a);
		case ARITHMETIC_SIGN:
			return finite_value(form_integer(path_sign(path, a)));
		case ARITHMETIC_ROUND:
			return value_of_function(path, F_ROUND_NUMERIC_INT4, node, args, a);
		case ARITHMETIC_TRUNC:
			return value_of_function(path, F_TRUNC_NUMERIC_INT4, node, args, a);
		case ARITHMETIC_CEIL:
			return value_of_function(path, F_CEIL_NUMERIC, node, args, a);
		case ARITHMETIC_FLOOR:
			return value_of_function(path, F_FLOOR_NUMERIC, node, args, a);
		default:
			Assert(arithmetic == ARITHMETIC_SCALE);
			return value_of_scale(path, node, args, a);
	}
}

/* All of these functions are strict, and come to something special, which sign() does not, for what is. */
static SymbolicValue
value_of_call(ProofPath *path, Oid function, Node *node, List *args)
{
	Arithmetic arithmetic = arithmetic_of(function);
	bool has_two = arithmetic == ARITHMETIC_ADD || arithmetic == ARITHMETIC_SUBTRACT ||
				   arithmetic == ARITHMETIC_MULTIPLY;
	SymbolicValue a;
	SymbolicValue b = {VALUE_FINITE, NULL};

	if (arithmetic == ARITHMETIC_NONE)
		return opaque_value(path, node);
	a = symbolic_value(path, linitial(args));
	if (has_two)
		b = symbolic_value(path, lsecond(args));
	if (a.kind == VALUE_NULL || b.kind == VALUE_NULL)
		return not_finite(VALUE_NULL);
	if (a.kind == VALUE_SPECIAL || b.kind == VALUE_SPECIAL)
		return arithmetic == ARITHMETIC_SIGN ? opaque_value(path, node) : not_finite(VALUE_SPECIAL);
	return compute(path, arithmetic, node, args, a.form, b.form);
}

/* The greater, or the less, of those that are not NULL. One that is special may come first or last. */
static SymbolicValue
value_of_minmax(ProofPath *path, MinMaxExpr *minmax)
{
	SymbolicValue best = not_finite(VALUE_NULL);
	bool has_special = false;
	ListCell *lc;

	foreach(lc, minmax->args)
	{
		SymbolicValue value = symbolic_value(path, lfirst(lc));
		int sign;

		has_special |= value.kind == VALUE_SPECIAL;
		if (value.kind != VALUE_FINITE)
			continue;
		if (best.kind == VALUE_NULL)
		{
			best = value;
			continue;
		}
		sign = path_sign(path, form_subtract(value.form, best.form));
		if (minmax->op == IS_GREATEST ? sign > 0 : sign < 0)
			best = value;
	}
	if (has_special &&
		(best.kind == VALUE_NULL || opaque_truth(path, (Node *) minmax, false) == TRUTH_TRUE))
		return not_finite(VALUE_SPECIAL);
	return best;
}

/*
 * The result of a CASE that is reached: NULL and true where it has none. False
 * where the CASE is not followed.
 */
static bool
case_result(ProofPath *path, CaseExpr *expr, Node **result)
{
	ListCell *lc;

	*result = (Node *) expr->defresult;
	foreach(lc, expr->args)
	{
		CaseWhen *when = lfirst_node(CaseWhen, lc);
		Node *condition = comparison_of_when(expr, when);

		if (condition == NULL)
			return false;
		if (symbolic_truth(path, condition) == TRUTH_TRUE)
		{
			*result = (Node *) when->result;
			return true;
		}
	}
	return true;
}

static SymbolicValue
value_of_case(ProofPath *path, CaseExpr *expr)
{
	Node *result;

	if (!case_result(path, expr, &result))
		return opaque_value(path, (Node *) expr);
	return result == NULL ? not_finite(VALUE_NULL) : symbolic_value(path, result);
}

static SymbolicValue
value_of_coalesce(ProofPath *path, CoalesceExpr *expr)
{
	ListCell *lc;

	foreach(lc, expr->args)
	{
		SymbolicValue value = symbolic_value(path, lfirst(lc));

		if (value.kind != VALUE_NULL)
			return value;
	}
	return not_finite(VALUE_NULL);
}

/* Truth of "a op b" for numbers, by the operator's name. */
static SymbolicTruth
compare_values(ProofPath *path, Node *node, const char *operator, SymbolicValue a, SymbolicValue b)
{
	int sign;
	bool holds;

	if (a.kind == VALUE_NULL || b.kind == VALUE_NULL)
		return TRUTH_NULL;
	if (a.kind == VALUE_SPECIAL || b.kind == VALUE_SPECIAL)
		return opaque_truth(path, node, false);
	sign = path_sign(path, form_subtract(a.form, b.form));
	if (strcmp(operator, "=") == 0)
		holds = sign == 0;
	else if (strcmp(operator, "<>") == 0)
		holds = sign != 0;
	else if (operator[0] == '<')
		holds = sign < 0 || (sign == 0 && operator[1] == '=');
	else
		holds = sign > 0 || (sign == 0 && operator[1] == '=');
	return holds ? TRUTH_TRUE : TRUTH_FALSE;
}

static SymbolicValue
value_of_nullif(ProofPath *path, OpExpr *expr)
{
	SymbolicValue a;
	SymbolicValue b;

	if (!arithmetic_is_number(exprType(linitial(expr->args))) ||
		!arithmetic_is_number(exprType(lsecond(expr->args))))
		return opaque_value(path, (Node *) expr);
	a = symbolic_value(path, linitial(expr->args));
	b = symbolic_value(path, lsecond(expr->args));
	return compare_values(path, (Node *) expr, "=", a, b) == TRUTH_TRUE ? not_finite(VALUE_NULL)
																		: a;
}

/* A number that is read from a text, as from JSON, is NULL where the text is, and only there. */
static SymbolicValue
value_of_text(ProofPath *path, CoerceViaIO *expr)
{
	bool is_numeric = expr->resulttype == NUMERICOID;

	if (is_null(path, (Node *) expr->arg))
		return not_finite(VALUE_NULL);
	return value_of_atom(path,
						 atom_node(path->atoms, (Node *) expr, is_numeric ? SCALE_UNKNOWN : 0),
						 false, is_numeric);
}

SymbolicValue
symbolic_value(ProofPath *path, Node *node)
{
	check_stack_depth();
	Assert(arithmetic_is_number(exprType(node)));
	if (path->is_impossible)
		return not_finite(VALUE_NULL);
	switch (nodeTag(node))
	{
		case T_Const:
			return value_of_constant((Const *) node);
		case T_Var:
			return value_of_column(path, (Var *) node);
		case T_OpExpr:
			return value_of_call(path, ((OpExpr *) node)->opfuncid, node, ((OpExpr *) node)->args);
		case T_FuncExpr:
			return value_of_call(path, ((FuncExpr *) node)->funcid, node,
								 ((FuncExpr *) node)->args);
		case T_MinMaxExpr:
			return value_of_minmax(path, (MinMaxExpr *) node);
		case T_CaseExpr:
			return value_of_case(path, (CaseExpr *) node);
		case T_CoalesceExpr:
			return value_of_coalesce(path, (CoalesceExpr *) node);
		case T_NullIfExpr:
			return value_of_nullif(path, (NullIfExpr *) node);
		case T_CoerceViaIO:
			return value_of_text(path, (CoerceViaIO *) node);
		case T_RelabelType:
			if (arithmetic_is_number(exprType((Node *) ((RelabelType *) node)->arg)))
				return symbolic_value(path, (Node *) ((RelabelType *) node)->arg);
			return opaque_value(path, node);
		default:
			return opaque_value(path, node);
	}
}

static Node *
put_known(Node *node, void *arg)
{
	ProofPath *path = arg;

	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
		for (int i = 0; i < path->nknown; i++)
			if (path->known[i].column == ((Var *) node)->varattno)
				return (Node *) makeConst(TEXTOID, -1, ((Var *) node)->varcollid, -1,
										  path->known[i].value, false, false);
	return expression_tree_mutator(node, put_known, arg);
}

/* A comparison with what is known of the codes put in, where it is a constant then. Comparisons raise no error. */
static bool
known_comparison(ProofPath *path, const OpExpr *op, SymbolicTruth *truth)
{
	Node *node;
	const Const *constant;

	if (path->nknown == 0 || !IsA(linitial(op->args), Var) || !IsA(lsecond(op->args), Const))
		return false;
	node = put_known((Node *) op, path);
	if (!IsA(linitial(((OpExpr *) node)->args), Const))
		return false;
	constant = (Const *) eval_const_expressions(NULL, node);
	if (!IsA(constant, Const))
		return false;
	*truth = constant->constisnull                ? TRUTH_NULL
			 : DatumGetBool(constant->constvalue) ? TRUTH_TRUE
												  : TRUTH_FALSE;
	return true;
}

static SymbolicTruth
negation_of(SymbolicTruth truth)
{
	return truth == TRUTH_NULL ? TRUTH_NULL : truth == TRUTH_TRUE ? TRUTH_FALSE : TRUTH_TRUE;
}

static SymbolicTruth
truth_of_operator(ProofPath *path, OpExpr *op)
{
	const char *name = comparison_name((Node *) op);
	OpExpr *equality;
	SymbolicTruth truth;

	if (name == NULL)
		return opaque_truth(path, (Node *) op, true);
	if (arithmetic_is_number(exprType(linitial(op->args))) &&
		arithmetic_is_number(exprType(lsecond(op->args))))
	{
		SymbolicValue a = symbolic_value(path, linitial(op->args));
		SymbolicValue b = symbolic_value(path, lsecond(op->args));

		return compare_values(path, (Node *) op, name, a, b);
	}
	if (known_comparison(path, op, &truth))
		return truth;
	if (strcmp(name, "<>") == 0 && (equality = comparison_negated(op)) != NULL)
		return negation_of(truth_of_operator(path, equality));
	if (is_null(path, linitial(op->args)) || is_null(path, lsecond(op->args)))
		return TRUTH_NULL;
	return opaque_truth(path, (Node *) op, false);
}

static SymbolicTruth
truth_of_distinct(ProofPath *path, DistinctExpr *expr)
{
	SymbolicValue a;
	SymbolicValue b;

	if (!arithmetic_is_number(exprType(linitial(expr->args))) ||
		!arithmetic_is_number(exprType(lsecond(expr->args))))
		return opaque_truth(path, (Node *) expr, false);
	a = symbolic_value(path, linitial(expr->args));
	b = symbolic_value(path, lsecond(expr->args));
	if (a.kind == VALUE_NULL || b.kind == VALUE_NULL)
		return a.kind == b.kind ? TRUTH_FALSE : TRUTH_TRUE;
	return compare_values(path, (Node *) expr, "<>", a, b);
}

/* AND or OR, from the left as far as the result is open; as the server evaluates them. */
static SymbolicTruth
truth_of_list(ProofPath *path, List *args, bool is_or)
{
	SymbolicTruth result = is_or ? TRUTH_FALSE : TRUTH_TRUE;
	ListCell *lc;

	foreach(lc, args)
	{
		SymbolicTruth truth = symbolic_truth(path, lfirst(lc));

		if (truth == (is_or ? TRUTH_TRUE : TRUTH_FALSE))
			return truth;
		if (truth == TRUTH_NULL)
			result = TRUTH_NULL;
	}
	return result;
}

static SymbolicTruth
truth_of_array(ProofPath *path, ScalarArrayOpExpr *expr)
{
	List *comparisons = comparison_list(expr);

	if (comparisons == NIL)
		return opaque_truth(path, (Node *) expr, true);
	return truth_of_list(path, comparisons, expr->useOr);
}

static SymbolicTruth
truth_of_boolean(ProofPath *path, BoolExpr *expr)
{
	if (expr->boolop == NOT_EXPR)
		return negation_of(symbolic_truth(path, linitial(expr->args)));
	return truth_of_list(path, expr->args, expr->boolop == OR_EXPR);
}

static SymbolicTruth
truth_of_null_test(ProofPath *path, NullTest *test)
{
	if (test->argisrow)
		return opaque_truth(path, (Node *) test, false);
	return is_null(path, (Node *) test->arg) == (test->nulltesttype == IS_NULL) ? TRUTH_TRUE
																				: TRUTH_FALSE;
}

static SymbolicTruth
truth_of_test(ProofPath *path, BooleanTest *test)
{
	SymbolicTruth truth = symbolic_truth(path, (Node *) test->arg);
	bool holds = false;

	switch (test->booltesttype)
	{
		case IS_TRUE:
			holds = truth == TRUTH_TRUE;
			break;
		case IS_NOT_TRUE:
			holds = truth != TRUTH_TRUE;
			break;
		case IS_FALSE:
			holds = truth == TRUTH_FALSE;
			break;
		case IS_NOT_FALSE:
			holds = truth != TRUTH_FALSE;
			break;
		case IS_UNKNOWN:
			holds = truth == TRUTH_NULL;
			break;
		case IS_NOT_UNKNOWN:
			holds = truth != TRUTH_NULL;
			break;
	}
	return holds ? TRUTH_TRUE : TRUTH_FALSE;
}

static SymbolicTruth
truth_of_case(ProofPath *path, CaseExpr *expr)
{
	Node *result;

	if (!case_result(path, expr, &result))
		return opaque_truth(path, (Node *) expr, true);
	return result == NULL ? TRUTH_NULL : symbolic_truth(path, result);
}

static SymbolicTruth
truth_of_coalesce(ProofPath *path, CoalesceExpr *expr)
{
	ListCell *lc;

	foreach(lc, expr->args)
	{
		SymbolicTruth truth = symbolic_truth(path, lfirst(lc));

		if (truth != TRUTH_NULL)
			return truth;
	}
	return TRUTH_NULL;
}

SymbolicTruth
symbolic_truth(ProofPath *path, Node *node)
{
	check_stack_depth();
	Assert(exprType(node) == BOOLOID);
	if (path->is_impossible)
		return TRUTH_NULL;
	switch (nodeTag(node))
	{
		case T_Const:
			return ((Const *) node)->constisnull                ? TRUTH_NULL
				   : DatumGetBool(((Const *) node)->constvalue) ? TRUTH_TRUE
																: TRUTH_FALSE;
		case T_Var:
			return opaque_truth(path, node, !is_never_null(path, node));
		case T_OpExpr:
			return truth_of_operator(path, (OpExpr *) node);
		case T_DistinctExpr:
			return truth_of_distinct(path, (DistinctExpr *) node);
		case T_ScalarArrayOpExpr:
			return truth_of_array(path, (ScalarArrayOpExpr *) node);
		case T_BoolExpr:
			return truth_of_boolean(path, (BoolExpr *) node);
		case T_NullTest:
			return truth_of_null_test(path, (NullTest *) node);
		case T_BooleanTest:
			return truth_of_test(path, (BooleanTest *) node);
		case T_CaseExpr:
			return truth_of_case(path, (CaseExpr *) node);
		case T_CoalesceExpr:
			return truth_of_coalesce(path, (CoalesceExpr *) node);
		default:
			return opaque_truth(path, node, true);
	}
}
