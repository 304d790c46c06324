/*
 * two_policies.c
 *		Evaluates transactions by two policies (see two_policies.h).
 *
 * Each policy has routes of its own. Whether two of them come to the same is kept with
 * the first, so that most transactions cost two look-ups.
 */
#include "preview/two_policies.h"

#include "common/progress.h"
#include "common/query.h"
#include "common/settings_scope.h"
#include "policy/policy.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

typedef struct Side
{
	const Policy *policy;
	Routing *routing;
	Journal *journal;
	bool *every_transaction; /* by basis */
} Side;

struct TwoPolicies
{
	MemoryContext context;
	MemoryContext row_context;
	Relation source;
	SourceColumns columns;
	EState *estate;
	ExprContext *econtext;
	TwoPoliciesInput input;
	bool any_entity;
	Code entity;
	int nbases;
	Code *bases;
	Side sides[SIDES];
	TwoOutcomes take;
	void *arg;
	int64 at_txn_id; /* under way */
	ErrorContextCallback position;
};

/* Whether a route and one of the other policy come to the same, by basis. A route can meet some of the other's, for their stretches of days differ. */
typedef struct Pair
{
	const Route *other;
	uint64 forgotten; /* when it was there */
	struct Pair *next;
	bool alike[FLEXIBLE_ARRAY_MEMBER];
} Pair;

/* The bases of a policy, as they are read. */
typedef struct BasisReader
{
	TwoPolicies *two;
	int side;
} BasisReader;

static int
find_basis(TwoPolicies *two, Code basis)
{
	for (int b = 0; b < two->nbases; b++)
		if (code_equal(two->bases[b], basis))
			return b;
	return -1;
}

static void
take_basis(TupleTableSlot *slot, void *arg)
{
	BasisReader *reader = arg;
	TwoPolicies *two = reader->two;
	MemoryContext old = MemoryContextSwitchTo(two->context);
	Code basis = query_code(slot, 0);
	int b = find_basis(two, basis);

	if (b < 0)
	{
		b = two->nbases++;
		two->bases =
			b == 0 ? palloc_array(Code, 1) : repalloc(two->bases, sizeof(Code) * two->nbases);
		two->bases[b] = basis;
		for (int side = 0; side < SIDES; side++)
		{
			Side *s = &two->sides[side];

			s->every_transaction =
				b == 0 ? palloc_array(bool, 1) : repalloc(s->every_transaction, two->nbases);
			s->every_transaction[b] = false;
		}
	}
	two->sides[reader->side].every_transaction[b] = DatumGetBool(query_value(slot, 1, 0));
	MemoryContextSwitchTo(old);
}

static void
load_bases(TwoPolicies *two, int side)
{
	BasisReader reader = {two, side};
	QueryArgs args = {0};

	if (two->input.basis == (Datum) 0)
		query_arg_null(&args, TEXTOID);
	else
		query_arg(&args, TEXTOID, two->input.basis);
	policy_each_row(two->sides[side].policy,
					"SELECT b.basis, b.every_transaction FROM acct.accounting_basis b "
					"WHERE $1 IS NULL OR b.basis = $1 ORDER BY b.basis",
					&args, take_basis, &reader);
}

static void
describe_position(void *arg)
{
	TwoPolicies *two = arg;

	if (two->at_txn_id != 0)
		errcontext("evaluating transaction " INT64_FORMAT, two->at_txn_id);
}

void
preview_begin(FunctionCallInfo fcinfo, PreviewCall *call)
{
	InitMaterializedSRF(fcinfo, 0);
	call->rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	call->context = AllocSetContextCreate(CurrentMemoryContext, "preview", ALLOCSET_DEFAULT_SIZES);
	query_open();
	call->caller = MemoryContextSwitchTo(call->context);
	call->scope = settings_scope_open_pinned();
}

void
preview_end(PreviewCall *call)
{
	settings_scope_close(call->scope);
	query_close();
	MemoryContextSwitchTo(call->caller);
	MemoryContextDelete(call->context);
}

TwoPolicies *
two_policies_open(const TwoPoliciesInput *input, TwoOutcomes take, void *arg)
{
	TwoPolicies *two = palloc0_object(TwoPolicies);
	int first = input->has_before ? SIDE_BEFORE : SIDE_AFTER;

	two->context = CurrentMemoryContext;
	two->input = *input;
	two->take = take;
	two->arg = arg;
	two->any_entity = input->entity == (Datum) 0;
	if (!two->any_entity)
		two->entity = code_from_datum(input->entity);
	two->estate = CreateExecutorState();
	two->econtext = GetPerTupleExprContext(two->estate);
	two->row_context = two->econtext->ecxt_per_tuple_memory;
	two->source = table_open(ledger_engine_table("txn_source_parent"), AccessShareLock);
	source_find_columns(two->source, &two->columns);
	for (int side = first; side < SIDES; side++)
	{
		if (input->policies[side] != (Datum) 0)
			two->sides[side].policy = policy_from_array(input->policies[side]);
		load_bases(two, side);
	}
	for (int side = first; side < SIDES; side++)
	{
		Side *s = &two->sides[side];

		s->routing = routing_load(two->source, s->policy, input->month, false, two->nbases,
								  two->bases, NULL);
		/* What rules say does not depend on which months are closed. */
		routing_open_every_month(s->routing);
		s->journal = journal_create(s->routing, two->econtext);
	}
	two->position.callback = describe_position;
	two->position.arg = two;
	two->position.previous = error_context_stack;
	error_context_stack = &two->position;
	return two;
}

Relation
two_policies_source(const TwoPolicies *two)
{
	return two->source;
}

const char *
two_policies_list(const TwoPolicies *two)
{
	return source_select_list(two->source);
}

Routing *
two_policies_routing(const TwoPolicies *two, PolicySide side)
{
	return two->sides[side].routing;
}

void
two_policies_observe(TwoPolicies *two, JournalObserver observer, void *arg)
{
	journal_observe(two->sides[SIDE_AFTER].journal, observer, arg);
}

Code
two_policies_basis(const TwoPolicies *two, int basis)
{
	return two->bases[basis];
}

const Template *
two_policies_template(const SideOutcome *side)
{
	if (side->outcome == JOURNAL_NOT_IN_BASIS || side->journal->candidate == NULL)
		return NULL;
	return side->journal->candidate->template;
}

const char *
two_policies_outcome_name(JournalOutcome outcome)
{
	static const char *const names[] = {
		[JOURNAL_MADE] = "journal",
		[JOURNAL_IGNORED] = "ignored",
		[JOURNAL_NOT_IN_BASIS] = "none",
		[JOURNAL_EXCEPTION] = "exception",
	};

	return names[outcome];
}

/* Worked out once for two routes. */
static const Pair *
find_pair(TwoPolicies *two, Route *before, const Route *after)
{
	Side *x = &two->sides[SIDE_BEFORE];
	Side *y = &two->sides[SIDE_AFTER];
	uint64 forgotten = routing_forgotten(y->routing);
	Pair *pair;

	for (pair = before->slot; pair != NULL && pair->forgotten == forgotten; pair = pair->next)
		if (pair->other == after)
			return pair;
	/* The newest comes first: where one is of routes that are forgotten, so are those behind it. */
	pair = MemoryContextAlloc(routing_memory(x->routing),
							  offsetof(Pair, alike) + two->nbases * sizeof(bool));
	pair->other = after;
	pair->forgotten = forgotten;
	pair->next = before->slot;
	for (int b = 0; b < two->nbases; b++)
		pair->alike[b] = x->every_transaction[b] == y->every_transaction[b] &&
						 routing_alike(x->routing, before, y->routing, after, b);
	before->slot = pair;
	return pair;
}

static SideOutcome
evaluate(TwoPolicies *two, PolicySide side, const Transaction *txn, int basis)
{
	Side *s = &two->sides[side];
	SideOutcome result = {.journal = s->journal};

	result.outcome = journal_build(s->journal, txn->route, basis, s->every_transaction[basis],
								   txn->value_date, txn->bad_date, txn->oversize);
	return result;
}

static void
take_transaction(TwoPolicies *two, TupleTableSlot *slot, Transaction *txns)
{
	const Pair *pair = NULL;

	if (two->input.has_before)
		pair = find_pair(two, txns[SIDE_BEFORE].route, txns[SIDE_AFTER].route);
	for (int basis = 0; basis < two->nbases; basis++)
	{
		SideOutcome sides[SIDES] = {{JOURNAL_NOT_IN_BASIS, NULL}};

		if (pair != NULL && pair->alike[basis])
			continue;
		if (pair != NULL)
			sides[SIDE_BEFORE] = evaluate(two, SIDE_BEFORE, &txns[SIDE_BEFORE], basis);
		sides[SIDE_AFTER] = evaluate(two, SIDE_AFTER, &txns[SIDE_AFTER], basis);
		two->take(&txns[SIDE_AFTER], basis, sides, two->arg);
	}
}

void
two_policies_row(TupleTableSlot *slot, void *arg)
{
	TwoPolicies *two = arg;
	MemoryContext old = MemoryContextSwitchTo(two->row_context);
	Transaction txns[SIDES];

	source_read(&two->columns, two->sides[SIDE_AFTER].routing, slot, &txns[SIDE_AFTER]);
	two->at_txn_id = txns[SIDE_AFTER].txn_id;
	two->econtext->ecxt_scantuple = slot;
	if (two->any_entity || code_equal(txns[SIDE_AFTER].route->key.codes[ROUTE_ENTITY], two->entity))
	{
		if (two->input.has_before)
			source_read(&two->columns, two->sides[SIDE_BEFORE].routing, slot, &txns[SIDE_BEFORE]);
		take_transaction(two, slot, txns);
	}
	MemoryContextSwitchTo(old);
	ResetExprContext(two->econtext);
	progress_add(1);
}

void
two_policies_forget(TwoPolicies *two)
{
	for (int side = 0; side < SIDES; side++)
		if (two->sides[side].routing != NULL)
			routing_forget(two->sides[side].routing);
}

void
two_policies_close(TwoPolicies *two)
{
	Assert(error_context_stack == &two->position);
	error_context_stack = two->position.previous;
	for (int side = 0; side < SIDES; side++)
		if (two->sides[side].journal != NULL)
			journal_close(two->sides[side].journal);
	table_close(two->source, AccessShareLock);
	FreeExecutorState(two->estate);
}
