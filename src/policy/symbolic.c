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

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

/* Elements of a list that is taken apart into comparisons. */
#define MAX_ELEMENTS 32

typedef enum Arithmetic
{
	ARITHMETIC_NONE,
	ARITHMETIC_ADD,
	ARITHMETIC_SUBTRACT,
	ARITHMETIC_MULTIPLY,
	ARITHMETIC_NEGATE,
	ARITHMETIC_SAME, /* the value of the argument, or an error */
	ARITHMETIC_ABS,
	ARITHMETIC_SIGN,
	ARITHMETIC_ROUND, /* and the rest: to some decimals */
	ARITHMETIC_TRUNC,
	ARITHMETIC_CEIL,
	ARITHMETIC_FLOOR,
	ARITHMETIC_SCALE /* a conversion to a numeric of some decimals */
} Arithmetic;

static Arithmetic
arithmetic_of(Oid function)
{
	switch (function)
	{
		case F_NUMERIC_ADD:
		case F_INT2PL:
		case F_INT4PL:
		case F_INT8PL:
		case F_INT24PL:
		case F_INT42PL:
		case F_INT28PL:
		case F_INT82PL:
		case F_INT48PL:
		case F_INT84PL:
			return ARITHMETIC_ADD;
		case F_NUMERIC_SUB:
		case F_INT2MI:
		case F_INT4MI:
		case F_INT8MI:
		case F_INT24MI:
		case F_INT42MI:
		case F_INT28MI:
		case F_INT82MI:
		case F_INT48MI:
		case F_INT84MI:
			return ARITHMETIC_SUBTRACT;
		case F_NUMERIC_MUL:
		case F_INT2MUL:
		case F_INT4MUL:
		case F_INT8MUL:
		case F_INT24MUL:
		case F_INT42MUL:
		case F_INT28MUL:
		case F_INT82MUL:
		case F_INT48MUL:
		case F_INT84MUL:
			return ARITHMETIC_MULTIPLY;
		case F_NUMERIC_UMINUS:
		case F_INT2UM:
		case F_INT4UM:
		case F_INT8UM:
			return ARITHMETIC_NEGATE;
		case F_NUMERIC_UPLUS:
		case F_INT2UP:
		case F_INT4UP:
		case F_INT8UP:
		case F_NUMERIC_INT2:
		case F_NUMERIC_INT4:
		case F_NUMERIC_INT8:
		case F_INT4_INT2:
		case F_INT8_INT2:
		case F_INT8_INT4:
		case F_INT2_INT4:
		case F_INT2_INT8:
		case F_INT4_INT8:
			return ARITHMETIC_SAME;
		case F_ABS_NUMERIC:
		case F_NUMERIC_ABS:
		case F_ABS_INT2:
		case F_ABS_INT4:
		case F_ABS_INT8:
		case F_INT2ABS:
		case F_INT4ABS:
		case F_INT8ABS:
			return ARITHMETIC_ABS;
		case F_SIGN_NUMERIC:
			return ARITHMETIC_SIGN;
		case F_ROUND_NUMERIC_INT4:
		case F_INT2_NUMERIC:
		case F_INT4_NUMERIC:
		case F_INT8_NUMERIC:
			return ARITHMETIC_ROUND;
		case F_TRUNC_NUMERIC_INT4:
			return ARITHMETIC_TRUNC;
		case F_CEIL_NUMERIC:
		case F_CEILING_NUMERIC:
			return ARITHMETIC_CEIL;
		case F_FLOOR_NUMERIC:
			return ARITHMETIC_FLOOR;
		case F_NUMERIC_NUMERIC_INT4:
			return ARITHMETIC_SCALE;
		default:
			return ARITHMETIC_NONE;
	}
}

bool
symbolic_is_number(Oid type)
{
	return type == NUMERICOID || type == INT2OID || type == INT4OID || type == INT8OID;
}

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
	if (symbolic_is_number(exprType(node)))
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

/* numeric(precision, scale): the number of decimals is in the type modifier. */
static SymbolicValue
value_of_scale(ProofPath *path, Node *node, List *args, const LinearForm *form)
{
	const Const *typmod = lsecond(args);
	int scale;

	if (!IsA(typmod, Const) || typmod->constisnull)
		return opaque_value(path, node);
	if (DatumGetInt32(typmod->constvalue) < (int32) VARHDRSZ)
		return finite_value(form);
	scale = (((DatumGetInt32(typmod->constvalue) - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;
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

typedef struct CaseTest
{
	Node *operand;
	bool is_nested; /* something else has a test value of its own */
} CaseTest;

static Node *
put_operand(Node *node, void *arg)
{
	CaseTest *test = arg;

	if (node == NULL)
		return NULL;
	if (IsA(node, CaseTestExpr))
		return copyObject(test->operand);
	if ((IsA(node, CaseExpr) && ((CaseExpr *) node)->arg != NULL) || IsA(node, ArrayCoerceExpr))
		test->is_nested = true;
	return expression_tree_mutator(node, put_operand, arg);
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
		Node *condition = (Node *) when->expr;

		if (expr->arg != NULL)
		{
			CaseTest test = {(Node *) expr->arg, false};

			condition = put_operand(condition, &test);
			if (test.is_nested)
				return false;
		}
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

	if (!symbolic_is_number(exprType(linitial(expr->args))) ||
		!symbolic_is_number(exprType(lsecond(expr->args))))
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
	Assert(symbolic_is_number(exprType(node)));
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
			if (symbolic_is_number(exprType((Node *) ((RelabelType *) node)->arg)))
				return symbolic_value(path, (Node *) ((RelabelType *) node)->arg);
			return opaque_value(path, node);
		default:
			return opaque_value(path, node);
	}
}

const char *
symbolic_comparison(const Node *node)
{
	static const char *const names[] = {"=", "<>", "<", ">", "<=", ">="};
	const OpExpr *op = (const OpExpr *) node;
	const char *name;

	if (!IsA(node, OpExpr) || op->opresulttype != BOOLOID || list_length(op->args) != 2)
		return NULL;
	switch (exprType(linitial(op->args)))
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case TEXTOID:
		case DATEOID:
			break;
		default:
			return NULL;
	}
	name = get_opname(op->opno);
	for (int i = 0; name != NULL && i < lengthof(names); i++)
		if (strcmp(name, names[i]) == 0)
			return names[i];
	return NULL;
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

/* "a <> b" is what "a = b" is not, so that both are one decision. */
static OpExpr *
as_equality(OpExpr *op)
{
	Oid negator = get_negator(op->opno);
	OpExpr *equality;

	if (!OidIsValid(negator))
		return NULL;
	equality = copyObject(op);
	equality->opno = negator;
	equality->opfuncid = get_opcode(negator);
	return equality;
}

static SymbolicTruth
truth_of_operator(ProofPath *path, OpExpr *op)
{
	const char *name = symbolic_comparison((Node *) op);
	OpExpr *equality;
	SymbolicTruth truth;

	if (name == NULL)
		return opaque_truth(path, (Node *) op, true);
	if (symbolic_is_number(exprType(linitial(op->args))) &&
		symbolic_is_number(exprType(lsecond(op->args))))
	{
		SymbolicValue a = symbolic_value(path, linitial(op->args));
		SymbolicValue b = symbolic_value(path, lsecond(op->args));

		return compare_values(path, (Node *) op, name, a, b);
	}
	if (known_comparison(path, op, &truth))
		return truth;
	if (strcmp(name, "<>") == 0 && (equality = as_equality(op)) != NULL)
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

	if (!symbolic_is_number(exprType(linitial(expr->args))) ||
		!symbolic_is_number(exprType(lsecond(expr->args))))
		return opaque_truth(path, (Node *) expr, false);
	a = symbolic_value(path, linitial(expr->args));
	b = symbolic_value(path, lsecond(expr->args));
	if (a.kind == VALUE_NULL || b.kind == VALUE_NULL)
		return a.kind == b.kind ? TRUTH_FALSE : TRUTH_TRUE;
	return compare_values(path, (Node *) expr, "<>", a, b);
}

/* "x = ANY (list)" as comparisons with its elements; NIL where it is not taken apart. */
static List *
comparisons_of_list(const ScalarArrayOpExpr *expr)
{
	const Const *list = lsecond(expr->args);
	List *comparisons = NIL;
	ArrayType *array;
	int16 length;
	bool by_value;
	char align;
	Datum *values;
	bool *nulls;
	int count;

	if (!IsA(list, Const) || list->constisnull)
		return NIL;
	array = DatumGetArrayTypeP(list->constvalue);
	get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &align);
	deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, align, &values, &nulls, &count);
	for (int i = 0; i < count && count <= MAX_ELEMENTS; i++)
	{
		OpExpr *op = makeNode(OpExpr);
		Const *element = makeConst(ARR_ELEMTYPE(array), -1, list->constcollid, length, values[i],
								   nulls[i], by_value);

		op->opno = expr->opno;
		op->opfuncid = get_opcode(expr->opno);
		op->opresulttype = BOOLOID;
		op->inputcollid = expr->inputcollid;
		op->args = list_make2(linitial(expr->args), element);
		op->location = -1;
		if (symbolic_comparison((Node *) op) == NULL)
			return NIL;
		comparisons = lappend(comparisons, op);
	}
	return comparisons;
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
	List *comparisons = comparisons_of_list(expr);

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
