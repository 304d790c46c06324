/*
 * expression_fold.c
 *		Constant parts of expressions (see expression_fold.h).
 *
 * The planner computes them too, but without limits, and without looking for
 * interrupts. What it gets has them computed already, from the leaves up, as
 * far as no error is raised: of that, the planner decides whether it matters.
 */
#include "policy/expression_fold.h"

#include "policy/evaluation.h"

#include "access/htup_details.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/resowner.h"
#include "utils/syscache.h"

/* The largest length, or count, that a function may be given as a constant. */
#define MAX_COUNT 100000

typedef struct Fold
{
	CheckContext *check;
	MemoryContext values; /* limited */
	bool varies;          /* what was seen depends on the row, or on the operand of a CASE */
} Fold;

/* Which argument of a function says how large its result gets; -1: none. */
static int
count_argument(Oid function)
{
	switch (function)
	{
		case F_ARRAY_FILL_ANYELEMENT__INT4:
		case F_ARRAY_FILL_ANYELEMENT__INT4__INT4:
		case F_BIT_BIT_INT4_BOOL:
		case F_BIT_INT4_INT4:
		case F_BIT_INT8_INT4:
		case F_BPCHAR_BPCHAR_INT4_BOOL:
		case F_LPAD_TEXT_INT4:
		case F_LPAD_TEXT_INT4_TEXT:
		case F_REPEAT:
		case F_RPAD_TEXT_INT4:
		case F_RPAD_TEXT_INT4_TEXT:
			return 1;
		default:
			return -1;
	}
}

/* A number, or the product of an array's; char(n) has a header counted in. */
static double
count_of(Oid function, const Const *argument)
{
	ArrayType *array;
	int32 *numbers;
	double count = 1;

	if (argument->consttype == INT4OID)
		return (double) DatumGetInt32(argument->constvalue) -
			   (function == F_BPCHAR_BPCHAR_INT4_BOOL ? VARHDRSZ : 0);
	array = DatumGetArrayTypeP(argument->constvalue);
	if (ARR_NDIM(array) != 1 || ARR_HASNULL(array))
		return 0;
	numbers = (int32 *) ARR_DATA_PTR(array);
	for (int i = 0; i < ARR_DIMS(array)[0]; i++)
		count *= numbers[i];
	return count;
}

static void
check_count(Fold *fold, const FuncExpr *call)
{
	int n = count_argument(call->funcid);
	const Const *argument;

	if (n < 0 || !IsA(list_nth(call->args, n), Const))
		return;
	argument = list_nth_node(Const, call->args, n);
	if (!argument->constisnull && count_of(call->funcid, argument) > MAX_COUNT)
		ereport(ERROR, (errcode(ERRCODE_LE_BAD_EXPRESSION),
						errmsg("the result of function %s would be too long",
							   format_procedure(call->funcid)),
						errdetail("Expression: %s", fold->check->text),
						errhint("A length or a count may be %d at most.", MAX_COUNT),
						expression_position(fold->check->text, fold->check->location)));
}

/* A call as the server's executor takes it: with all arguments, in their order. */
static void
complete_call(FuncExpr *call)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(call->funcid));

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", call->funcid);
	call->args = expand_function_arguments(call->args, false, call->funcresulttype, tuple);
	ReleaseSysCache(tuple);
}

/* What the planner replaces: a function written in SQL by its text, where it can, and COLLATE. */
static bool
is_replaced(Node *node)
{
	HeapTuple tuple;
	bool is_sql;

	if (!IsA(node, FuncExpr))
		return IsA(node, CollateExpr);
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(((FuncExpr *) node)->funcid));
	is_sql = HeapTupleIsValid(tuple) && ((Form_pg_proc) GETSTRUCT(tuple))->prolang == SQLlanguageId;
	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	return is_sql;
}

static Node *
compute(Fold *fold, Node *node)
{
	MemoryContext old = CurrentMemoryContext;
	ExprState *state;
	ExprContext *econtext;
	Datum value;
	bool isnull;
	int16 length;
	bool by_value;

	/* Counts have been looked at. */
	if (is_replaced(node))
		return eval_const_expressions(NULL, node);
	fix_opfuncids(node);
	state = ExecInitExpr((Expr *) node, NULL);
	evaluation_limit(state);
	econtext = CreateStandaloneExprContext();
	MemoryContextSwitchTo(fold->values);
	value = ExecEvalExpr(state, econtext, &isnull);
	MemoryContextSwitchTo(old);
	FreeExprContext(econtext, true);
	get_typlenbyval(exprType(node), &length, &by_value);
	if (!isnull)
		value = length == -1 ? PointerGetDatum(PG_DETOAST_DATUM_COPY(value))
							 : datumCopy(value, by_value, length);
	return (Node *) makeConst(exprType(node), exprTypmod(node), exprCollation(node), length, value,
							  isnull, by_value);
}

/* An error that is not about a limit leaves the part as it is. What it held belongs to an owner that is released. */
static Node *
try_to_compute(Fold *fold, Node *node)
{
	MemoryContext memory = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ResourceOwner own = ResourceOwnerCreate(owner, "template expression");
	Node *volatile result = node;

	evaluation_begin(fold->values);
	CurrentResourceOwner = own;
	PG_TRY();
	{
		result = compute(fold, copyObject(node));
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(memory);
		CurrentResourceOwner = owner;
		error = CopyErrorData();
		if (evaluation_was_interrupted() || !evaluation_is_to_blame(error->sqlerrcode))
			PG_RE_THROW();
		FlushErrorState();
		if (error->sqlerrcode == ERRCODE_PROGRAM_LIMIT_EXCEEDED)
			refuse(fold->check->text, fold->check->location, "%s", error->message);
		FreeErrorData(error);
	}
	PG_END_TRY();
	CurrentResourceOwner = owner;
	ResourceOwnerRelease(own, RESOURCE_RELEASE_BEFORE_LOCKS, result != node, false);
	ResourceOwnerRelease(own, RESOURCE_RELEASE_LOCKS, result != node, false);
	ResourceOwnerRelease(own, RESOURCE_RELEASE_AFTER_LOCKS, result != node, false);
	ResourceOwnerDelete(own);
	return result;
}

/* A tree mutator: what does not depend on the row becomes a constant, from the leaves up. */
static Node *
fold_node(Node *node, void *arg)
{
	Fold *fold = arg;
	int outer = fold->check->location;
	bool outer_varies = fold->varies;

	if (node == NULL || IsA(node, Const))
		return node;
	if (exprLocation(node) >= 0)
		fold->check->location = exprLocation(node);
	if (IsA(node, FuncExpr))
	{
		node = copyObject(node);
		complete_call((FuncExpr *) node);
	}
	fold->varies = IsA(node, Var) || IsA(node, CaseTestExpr);
	node = expression_tree_mutator(node, fold_node, arg);
	if (IsA(node, CaseExpr) || IsA(node, ArrayCoerceExpr))
		fold->varies = contain_var_clause(node);
	if (IsA(node, FuncExpr))
		check_count(fold, (FuncExpr *) node);
	if (!fold->varies && !IsA(node, List) && !IsA(node, CaseWhen))
		node = try_to_compute(fold, node);
	fold->check->location = outer;
	fold->varies |= outer_varies;
	return node;
}

Node *
expression_fold(CheckContext *context)
{
	Fold fold = {context, evaluation_context(CurrentMemoryContext), false};
	Node *result = fold_node(context->expr, &fold);

	MemoryContextDelete(fold.values);
	return result;
}
