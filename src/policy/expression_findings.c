/*
 * expression_findings.c
 *		What can be told of an expression without a row: whether it is refused,
 *		and where, whether it is constant, whether it hides values that are not
 *		known, and how two conditions go together.
 *
 * Whether one condition follows from another, or excludes it, is decided by the
 * server's prover for partial indexes (predtest.c): what it does not prove is
 * unknown, never wrong. It takes time exponential in the depth of ANDs and
 * ORs, without looking for interrupts, so larger conditions are unknown.
 */
#include "policy/expression.h"

#include "common/settings_scope.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_type_d.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/resowner.h"

#define MAX_PROOF_DEPTH 4
#define MAX_PROOF_TERMS 64

typedef struct Refusal
{
	char *message; /* NULL: the expression is accepted */
	char *hint;
	int position; /* in characters, from 1 */
} Refusal;

/* The expression as the server planned it; NULL, and the refusal, where it is refused. */
static Node *
plan_or_refuse(const char *text, ExpressionKind kind, Relation source, Refusal *refusal)
{
	MemoryContext memory = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	Node *volatile expr = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(memory);
	PG_TRY();
	{
		expr = expression_plan(text, kind, source);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(memory);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		/* Whoever catches what is no refusal is in the transaction that he began. */
		if (error->sqlerrcode != ERRCODE_LE_BAD_EXPRESSION)
		{
			MemoryContextSwitchTo(memory);
			CurrentResourceOwner = owner;
			ReThrowError(error);
		}
		refusal->message = error->message;
		refusal->hint = error->hint;
		refusal->position = error->internalpos;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(memory);
	CurrentResourceOwner = owner;
	return expr;
}

static ExpressionKind
kind_of(const char *kind)
{
	return strcmp(kind, "amount") == 0 ? EXPRESSION_AMOUNT : EXPRESSION_CONDITION;
}

/* A condition as the prover takes it: its ANDs as a list. */
static List *
clauses_of(Node *condition)
{
	return make_ands_implicit((Expr *) canonicalize_qual((Expr *) condition, false));
}

/* Does a condition have few enough ANDs, ORs and NOTs below each other, and few enough terms? */
static bool
is_provable(Node *node, int depth, int *terms)
{
	ListCell *lc;

	if (node == NULL || !IsA(node, BoolExpr))
		return ++*terms <= MAX_PROOF_TERMS;
	if (depth == MAX_PROOF_DEPTH)
		return false;
	foreach(lc, ((BoolExpr *) node)->args)
		if (!is_provable(lfirst(lc), depth + 1, terms))
			return false;
	return true;
}

static bool
is_small(Node *condition)
{
	int terms = 0;

	return is_provable(condition, 0, &terms);
}

static bool
is_constant_true(Node *condition)
{
	return IsA(condition, Const) && !((Const *) condition)->constisnull &&
		   DatumGetBool(((Const *) condition)->constvalue);
}

/* Is it false, or NULL, for every row? */
static bool
is_never_true(Node *condition)
{
	List *clauses;

	if (IsA(condition, Const))
		return !is_constant_true(condition);
	if (!is_small(condition))
		return false;
	clauses = clauses_of(condition);
	return predicate_refuted_by(clauses, clauses, true);
}

static bool may_be_null(Node *node, void *source);

/* Is one of these NULL for some row, as far as can be told? */
static bool
some_may_be_null(List *nodes, Relation source)
{
	ListCell *lc;

	foreach(lc, nodes)
		if (may_be_null(lfirst(lc), source))
			return true;
	return false;
}

static bool
all_may_be_null(List *nodes, Relation source)
{
	ListCell *lc;

	foreach(lc, nodes)
		if (!may_be_null(lfirst(lc), source))
			return false;
	return true;
}

/* Parts of JSON and of arrays are NULL where there is no such part, and so is what a pattern does not find. */
static bool
looks_up(Node *node)
{
	Oid function = IsA(node, FuncExpr) ? ((FuncExpr *) node)->funcid : ((OpExpr *) node)->opfuncid;
	List *args = IsA(node, FuncExpr) ? ((FuncExpr *) node)->args : ((OpExpr *) node)->args;
	Oid result = get_func_rettype(function);
	Oid type = args == NIL ? InvalidOid : exprType(linitial(args));

	if (function == F_SUBSTRING_TEXT_TEXT || function == F_SUBSTRING_TEXT_TEXT_TEXT)
		return true;
	return (type == JSONBOID || type == JSONOID || type_is_array(type)) && result != BOOLOID;
}

/*
 * May an expression be NULL for a row of the source? Columns that are not
 * declared NOT NULL may, and what is made of them, unless it says what stands
 * for NULL. A tree walker.
 */
static bool
may_be_null(Node *node, void *source)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Const:
			return ((Const *) node)->constisnull;
		case T_Var:
		{
			AttrNumber number = ((Var *) node)->varattno;

			return number > 0 &&
				   !column_is_never_null(RelationGetDescr((Relation) source), number - 1);
		}
		case T_NullTest:
		case T_BooleanTest:
		case T_DistinctExpr:
			return false;
		case T_NullIfExpr:
			return true;
		case T_CoalesceExpr:
			return all_may_be_null(((CoalesceExpr *) node)->args, source);
		case T_MinMaxExpr:
			return all_may_be_null(((MinMaxExpr *) node)->args, source);
		case T_CaseExpr:
		{
			CaseExpr *choice = (CaseExpr *) node;
			ListCell *lc;

			foreach(lc, choice->args)
				if (may_be_null((Node *) lfirst_node(CaseWhen, lc)->result, source))
					return true;
			return choice->defresult == NULL || may_be_null((Node *) choice->defresult, source);
		}
		case T_FuncExpr:
			return looks_up(node) || some_may_be_null(((FuncExpr *) node)->args, source);
		case T_OpExpr:
			return looks_up(node) || some_may_be_null(((OpExpr *) node)->args, source);
		default:
			return expression_tree_walker(node, may_be_null, source);
	}
}

typedef struct HidingSearch
{
	Relation source;
	MinMaxExpr *found; /* the first one in the text */
} HidingSearch;

/* Finds greatest() or least() with an operand that may be NULL: they skip it. A tree walker. */
static bool
find_hiding(Node *node, void *context)
{
	HidingSearch *search = context;

	if (node == NULL)
		return false;
	if (IsA(node, MinMaxExpr))
	{
		MinMaxExpr *expr = (MinMaxExpr *) node;

		if (list_length(expr->args) > 1 && some_may_be_null(expr->args, search->source) &&
			(search->found == NULL || expr->location < search->found->location))
			search->found = expr;
	}
	return expression_tree_walker(node, find_hiding, context);
}

LEDGER_FUNCTION(ledger_examine_expression);

/* acct._examine_expression(expr, kind): message, hint and position of its refusal, or what it is. */
Datum
ledger_examine_expression(PG_FUNCTION_ARGS)
{
	char *sql = text_to_cstring(PG_GETARG_TEXT_PP(0));
	ExpressionKind kind = kind_of(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	Relation source = relation_open(ledger_engine_table("txn_source_parent"), AccessShareLock);
	int scope = settings_scope_open_pinned();
	Refusal refusal = {0};
	Node *expr = plan_or_refuse(sql, kind, source, &refusal);
	HidingSearch search = {source, NULL};
	TupleDesc tupdesc;
	Datum values[8] = {0};
	bool nulls[8] = {true, true, true, true, true, true, true, true};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (expr == NULL)
	{
		values[0] = CStringGetTextDatum(refusal.message);
		nulls[0] = false;
		if ((nulls[1] = refusal.hint == NULL) == false)
			values[1] = CStringGetTextDatum(refusal.hint);
		values[2] = Int32GetDatum(refusal.position);
		nulls[2] = refusal.position <= 0;
	}
	else
	{
		Const *constant = IsA(expr, Const) ? (Const *) expr : NULL;

		values[3] = BoolGetDatum(constant != NULL);
		nulls[3] = nulls[5] = false;
		if (constant != NULL && !constant->constisnull)
		{
			Oid output;
			bool is_varlena;

			getTypeOutputInfo(constant->consttype, &output, &is_varlena);
			values[4] = CStringGetTextDatum(OidOutputFunctionCall(output, constant->constvalue));
			nulls[4] = false;
		}
		values[5] = BoolGetDatum(kind == EXPRESSION_CONDITION && is_never_true(expr));
		find_hiding(expr, &search);
		if (search.found != NULL)
		{
			values[6] = CStringGetTextDatum(search.found->op == IS_GREATEST ? "greatest" : "least");
			values[7] =
				Int32GetDatum(pg_mbstrlen_with_len(sql, Max(search.found->location, 0)) + 1);
			nulls[6] = nulls[7] = false;
		}
	}
	settings_scope_close(scope);
	relation_close(source, AccessShareLock);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}

LEDGER_FUNCTION(ledger_compare_conditions);

/* acct._compare_conditions(p, q): implies, excludes or unknown; unknown where one is refused. */
Datum
ledger_compare_conditions(PG_FUNCTION_ARGS)
{
	Relation source = relation_open(ledger_engine_table("txn_source_parent"), AccessShareLock);
	int scope = settings_scope_open_pinned();
	const char *answer = "unknown";
	Refusal refusal = {0};
	Node *exprs[2];

	for (int i = 0; i < 2; i++)
		exprs[i] = plan_or_refuse(text_to_cstring(PG_GETARG_TEXT_PP(i)), EXPRESSION_CONDITION,
								  source, &refusal);
	if (exprs[0] != NULL && exprs[1] != NULL)
	{
		if (is_never_true(exprs[0]) || is_never_true(exprs[1]))
			answer = "excludes";
		else if (is_constant_true(exprs[1]))
			answer = "implies";
		else if (!is_constant_true(exprs[0]))
		{
			List *p = clauses_of(exprs[0]);
			List *q = clauses_of(exprs[1]);

			if (equal(p, q))
				answer = "implies";
			else if (!is_small(exprs[0]) || !is_small(exprs[1]))
				answer = "unknown";
			else if (predicate_implied_by(q, p, false))
				answer = "implies";
			else if (predicate_refuted_by(q, p, true) || predicate_refuted_by(p, q, true))
				answer = "excludes";
		}
	}
	settings_scope_close(scope);
	relation_close(source, AccessShareLock);
	PG_RETURN_TEXT_P(cstring_to_text(answer));
}
