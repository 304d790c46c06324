/*
 * fixed_point_compile.c
 *		Compiles expressions that integers can evaluate (see fixed_point_compile.h).
 */
#include "policy/fixed_point_compile.h"

#include "common/columns.h"
#include "ledger/amount.h"
#include "policy/arithmetic.h"
#include "policy/comparison_form.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/date.h"
#include "utils/lsyscache.h"

/* Decimals with which a column is read that may have any number of them: two digits of the server's. */
#define OPEN_COLUMN_DECIMALS 8

static FixedPoint *compile(Node *node);

static FixedPoint *
make_node(FixedKind kind, int decimals, int nargs)
{
	FixedPoint *f = palloc0(offsetof(FixedPoint, args) + sizeof(FixedPoint *) * nargs);

	f->kind = kind;
	f->decimals = decimals;
	f->nargs = nargs;
	return f;
}

static FixedPoint *
make_unary(FixedKind kind, int decimals, FixedPoint *arg)
{
	FixedPoint *f = make_node(kind, decimals, 1);

	f->args[0] = arg;
	return f;
}

static FixedPoint *
make_binary(FixedKind kind, int decimals, FixedPoint *a, FixedPoint *b)
{
	FixedPoint *f = make_node(kind, decimals, 2);

	f->args[0] = a;
	f->args[1] = b;
	return f;
}

/* The same number with more decimals; NULL where a constant gets too large. */
static FixedPoint *
raise_to(FixedPoint *f, int decimals)
{
	FixedPoint *raised;

	Assert(f->decimals <= decimals && decimals <= MAX_COUNT_DECIMALS);
	if (f->decimals == decimals)
		return f;
	raised = make_unary(FIXED_RAISE, decimals, f);
	raised->power = amount_power(decimals - f->decimals);
	if (f->kind != FIXED_CONSTANT)
		return raised;
	if (!fits_factor(f->constant.count))
		return NULL;
	f->constant.count *= raised->power;
	f->decimals = decimals;
	return f;
}

static FixedPoint *
make_null(void)
{
	FixedPoint *f = make_node(FIXED_CONSTANT, 0, 0);

	f->constant.isnull = true;
	return f;
}

/* Gives the node, and every step-th of its arguments, the decimals of that one of these that has most. */
static FixedPoint *
align(FixedPoint *f, int step)
{
	f->decimals = 0;
	for (int i = 0; i < f->nargs; i += step)
		f->decimals = Max(f->decimals, f->args[i]->decimals);
	for (int i = 0; i < f->nargs; i += step)
	{
		f->args[i] = raise_to(f->args[i], f->decimals);
		if (f->args[i] == NULL)
			return NULL;
	}
	return f;
}

/* A number as the fewest decimals allow; false where it has too many digits. */
static bool
count_constant(Datum numeric, int128 *count, int *decimals)
{
	int groups = 0;

	while (!amount_count(numeric, groups, count))
		if (++groups > MAX_COUNT_DECIMALS / DECIMALS_OF_DIGIT)
			return false;
	*decimals = groups * DECIMALS_OF_DIGIT;
	while (*decimals > 0 && *count % 10 == 0)
	{
		*count /= 10;
		(*decimals)--;
	}
	return true;
}

static FixedPoint *
compile_constant(const Const *constant)
{
	FixedPoint *f = make_node(FIXED_CONSTANT, 0, 0);

	f->constant.isnull = constant->constisnull;
	if (constant->constisnull)
		return f;
	switch (constant->consttype)
	{
		case NUMERICOID:
			return count_constant(constant->constvalue, &f->constant.count, &f->decimals) ? f
																						  : NULL;
		case INT2OID:
			f->constant.count = DatumGetInt16(constant->constvalue);
			return f;
		case INT4OID:
			f->constant.count = DatumGetInt32(constant->constvalue);
			return f;
		case INT8OID:
			f->constant.count = DatumGetInt64(constant->constvalue);
			return f;
		case DATEOID:
			f->constant.count = DatumGetDateADT(constant->constvalue);
			return f;
		case BOOLOID:
			f->constant.count = DatumGetBool(constant->constvalue);
			return f;
		default:
			return NULL;
	}
}

/* The decimals with which a numeric column is read: whole digits of the server's. */
static int
column_decimals(int32 typmod)
{
	int precision;
	int scale;

	if (!column_numeric_size(typmod, &precision, &scale))
		return OPEN_COLUMN_DECIMALS;
	return TYPEALIGN(DECIMALS_OF_DIGIT, Min(Max(scale, 0), OPEN_COLUMN_DECIMALS));
}

static FixedPoint *
compile_column(const Var *var)
{
	FixedPoint *f = make_node(FIXED_NUMERIC, 0, 0);

	f->column = var->varattno;
	switch (var->vartype)
	{
		case NUMERICOID:
			f->decimals = column_decimals(var->vartypmod);
			return f;
		case INT2OID:
			f->kind = FIXED_INT2;
			return f;
		case INT4OID:
		case DATEOID:
			f->kind = FIXED_INT4;
			return f;
		case INT8OID:
			f->kind = FIXED_INT8;
			return f;
		case BOOLOID:
			f->kind = FIXED_BOOL;
			return f;
		default:
			return NULL;
	}
}

/* A text that is a column or a constant. */
static bool
take_text(Node *node, FixedText *text)
{
	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	if (exprType(node) != TEXTOID && exprType(node) != VARCHAROID)
		return false;
	if (IsA(node, Const) && !((Const *) node)->constisnull)
	{
		text->code = code_from_datum(((Const *) node)->constvalue);
		return true;
	}
	if (!IsA(node, Var))
		return false;
	text->column = ((Var *) node)->varattno;
	return true;
}

/* Texts are equal where their bytes are, in every collation that is deterministic. */
static FixedPoint *
compile_text_equality(const OpExpr *op)
{
	FixedPoint *f = make_node(FIXED_TEXT_EQUAL, 0, 0);

	if (!OidIsValid(op->inputcollid) || !get_collation_isdeterministic(op->inputcollid) ||
		!take_text(linitial(op->args), &f->texts[0]) || !take_text(lsecond(op->args), &f->texts[1]))
		return NULL;
	return f;
}

static FixedPoint *
negated(FixedPoint *f)
{
	return f == NULL ? NULL : make_unary(FIXED_NOT, 0, f);
}

static FixedPoint *
compile_order(const char *name, Node *left, Node *right)
{
	FixedPoint *a = compile(left);
	FixedPoint *b = a == NULL ? NULL : compile(right);
	bool is_strict = strcmp(name, "<") == 0 || strcmp(name, ">") == 0;
	bool is_equality = strcmp(name, "=") == 0 || strcmp(name, "<>") == 0;
	FixedPoint *f;

	if (b == NULL)
		return NULL;
	f = make_binary(is_equality ? FIXED_EQUAL
					: is_strict ? FIXED_LESS
								: FIXED_AT_MOST,
					0, name[0] == '>' ? b : a, name[0] == '>' ? a : b);
	if (align(f, 1) == NULL)
		return NULL;
	f->decimals = 0;
	return strcmp(name, "<>") == 0 ? negated(f) : f;
}

static FixedPoint *
compile_comparison(const OpExpr *op, const char *name)
{
	Oid left = exprType(linitial(op->args));
	Oid right = exprType(lsecond(op->args));

	if (left == TEXTOID && right == TEXTOID)
	{
		if (strcmp(name, "=") == 0)
			return compile_text_equality(op);
		return strcmp(name, "<>") == 0 ? negated(compile_text_equality(op)) : NULL;
	}
	if (left != right && !(arithmetic_is_number(left) && arithmetic_is_number(right)))
		return NULL;
	return compile_order(name, linitial(op->args), lsecond(op->args));
}

static FixedPoint *
compile_sum(FixedKind kind, FixedPoint *a, FixedPoint *b)
{
	return align(make_binary(kind, 0, a, b), 1);
}

static FixedPoint *
compile_product(FixedPoint *a, FixedPoint *b)
{
	if (a->decimals + b->decimals > MAX_COUNT_DECIMALS)
		return NULL;
	return make_binary(FIXED_MULTIPLY, a->decimals + b->decimals, a, b);
}

/* To a number of decimals that the text names. */
static FixedPoint *
compile_rounding(FixedKind kind, FixedPoint *arg, Node *digits)
{
	int decimals;
	FixedPoint *f;

	if (!IsA(digits, Const) || ((Const *) digits)->constisnull)
		return NULL;
	decimals = DatumGetInt32(((Const *) digits)->constvalue);
	if (decimals < 0)
		return NULL;
	if (decimals >= arg->decimals)
		return arg;
	f = make_unary(kind, decimals, arg);
	f->power = amount_power(arg->decimals - decimals);
	return f;
}

/* A call of a function or operator whose result is numeric. */
static FixedPoint *
compile_arithmetic(Oid function, Oid type, List *args)
{
	Arithmetic arithmetic = arithmetic_of(function);
	FixedPoint *a;
	FixedPoint *b;

	if (arithmetic == ARITHMETIC_NONE || type != NUMERICOID)
		return NULL;
	a = compile(linitial(args));
	if (a == NULL)
		return NULL;
	switch (arithmetic)
	{
		case ARITHMETIC_ADD:
		case ARITHMETIC_SUBTRACT:
		case ARITHMETIC_MULTIPLY:
			b = compile(lsecond(args));
			if (b == NULL)
				return NULL;
			if (arithmetic == ARITHMETIC_MULTIPLY)
				return compile_product(a, b);
			return compile_sum(arithmetic == ARITHMETIC_ADD ? FIXED_ADD : FIXED_SUBTRACT, a, b);
		case ARITHMETIC_NEGATE:
			return make_unary(FIXED_NEGATE, a->decimals, a);
		case ARITHMETIC_SAME:
			return a;
		case ARITHMETIC_ABS:
			return make_unary(FIXED_ABS, a->decimals, a);
		case ARITHMETIC_ROUND:
			return compile_rounding(FIXED_ROUND, a, lsecond(args));
		case ARITHMETIC_TRUNC:
			return compile_rounding(FIXED_TRUNC, a, lsecond(args));
		default:
			return NULL;
	}
}

/* A node over all of a list; NULL where one of them cannot be compiled. */
static FixedPoint *
compile_all(FixedKind kind, List *list)
{
	FixedPoint *f = make_node(kind, 0, list_length(list));
	ListCell *lc;

	foreach(lc, list)
	{
		FixedPoint *arg = compile(lfirst(lc));

		if (arg == NULL)
			return NULL;
		f->args[foreach_current_index(lc)] = arg;
	}
	return f;
}

static FixedPoint *
compile_aligned(FixedKind kind, List *list)
{
	FixedPoint *f = compile_all(kind, list);

	return f == NULL ? NULL : align(f, 1);
}

static FixedPoint *
compile_boolean(const BoolExpr *expr)
{
	switch (expr->boolop)
	{
		case AND_EXPR:
			return compile_all(FIXED_AND, expr->args);
		case OR_EXPR:
			return compile_all(FIXED_OR, expr->args);
		default:
			return compile_all(FIXED_NOT, expr->args);
	}
}

/* Of a column only, because it is evaluated for each element. */
static FixedPoint *
compile_list(const ScalarArrayOpExpr *expr)
{
	List *comparisons;

	if (!IsA(linitial(expr->args), Var))
		return NULL;
	comparisons = comparison_list(expr);
	return comparisons == NIL ? NULL : compile_all(expr->useOr ? FIXED_OR : FIXED_AND, comparisons);
}

static FixedPoint *
compile_case(const CaseExpr *expr)
{
	FixedPoint *f = make_node(FIXED_CASE, 0, 2 * list_length(expr->args) + 1);
	int n = 0;
	ListCell *lc;

	/* The operand is evaluated for each WHEN. */
	if (expr->arg != NULL && !IsA(expr->arg, Var))
		return NULL;
	f->args[n++] = expr->defresult != NULL ? compile((Node *) expr->defresult) : make_null();
	foreach(lc, expr->args)
	{
		CaseWhen *when = lfirst_node(CaseWhen, lc);
		Node *condition = comparison_of_when(expr, when);

		if (condition == NULL)
			return NULL;
		f->args[n++] = compile(condition);
		f->args[n++] = compile((Node *) when->result);
	}
	for (int i = 0; i < n; i++)
		if (f->args[i] == NULL)
			return NULL;
	return align(f, 2);
}

static FixedPoint *
compile_null_test(const NullTest *test)
{
	FixedPoint *f;

	if (test->argisrow || !IsA(test->arg, Var))
		return NULL;
	f = make_node(FIXED_IS_NULL, 0, 0);
	f->column = ((Var *) test->arg)->varattno;
	return test->nulltesttype == IS_NULL ? f : negated(f);
}

static bool
is_counted(Oid type)
{
	return arithmetic_is_number(type) || type == DATEOID || type == BOOLOID;
}

static FixedPoint *
compile(Node *node)
{
	check_stack_depth();
	if (!is_counted(exprType(node)))
		return NULL;
	switch (nodeTag(node))
	{
		case T_Const:
			return compile_constant((Const *) node);
		case T_Var:
			return compile_column((Var *) node);
		case T_RelabelType:
			return compile((Node *) ((RelabelType *) node)->arg);
		case T_OpExpr:
		{
			OpExpr *op = (OpExpr *) node;
			const char *name = comparison_name(node);

			return name != NULL ? compile_comparison(op, name)
								: compile_arithmetic(op->opfuncid, op->opresulttype, op->args);
		}
		case T_FuncExpr:
		{
			FuncExpr *call = (FuncExpr *) node;

			return compile_arithmetic(call->funcid, call->funcresulttype, call->args);
		}
		case T_MinMaxExpr:
			return compile_aligned(((MinMaxExpr *) node)->op == IS_GREATEST ? FIXED_GREATEST
																			: FIXED_LEAST,
								   ((MinMaxExpr *) node)->args);
		case T_CoalesceExpr:
			return compile_aligned(FIXED_COALESCE, ((CoalesceExpr *) node)->args);
		case T_BoolExpr:
			return compile_boolean((BoolExpr *) node);
		case T_ScalarArrayOpExpr:
			return compile_list((ScalarArrayOpExpr *) node);
		case T_CaseExpr:
			return compile_case((CaseExpr *) node);
		case T_NullTest:
			return compile_null_test((NullTest *) node);
		default:
			return NULL;
	}
}

static FixedPoint *
copy_tree(const FixedPoint *f)
{
	FixedPoint *copy = make_node(f->kind, f->decimals, f->nargs);

	memcpy(copy, f, offsetof(FixedPoint, args));
	for (int i = 0; f->kind == FIXED_TEXT_EQUAL && i < lengthof(f->texts); i++)
		if (f->texts[i].column == 0)
			copy->texts[i].code = code_copy(f->texts[i].code);
	for (int i = 0; i < f->nargs; i++)
		copy->args[i] = copy_tree(f->args[i]);
	return copy;
}

FixedPoint *
fixed_point_compile(Node *planned, MemoryContext context)
{
	FixedPoint *f = compile(planned);
	MemoryContext old;

	if (f == NULL)
		return NULL;
	old = MemoryContextSwitchTo(context);
	f = copy_tree(f);
	MemoryContextSwitchTo(old);
	return f;
}
