/*
 * two_policies.h
 *		The transactions of a month by two policies: what becomes of each by the one and by
 *		the other.
 *
 * A transaction whose route leads to the same by both is passed over: it is not evaluated at
 * all. The others are evaluated by both, by the code that expands. Nothing is written.
 */
#ifndef LEDGER_TWO_POLICIES_H
#define LEDGER_TWO_POLICIES_H

#include "expand/journal.h"
#include "expand/source.h"

typedef enum PolicySide
{
	SIDE_BEFORE,
	SIDE_AFTER,
	SIDES
} PolicySide;

/* What becomes of a transaction in a basis by a policy. */
typedef struct SideOutcome
{
	JournalOutcome outcome;
	const Journal *journal; /* valid until the next transaction */
} SideOutcome;

/* The template that a transaction goes by; NULL: none. */
extern const Template *two_policies_template(const SideOutcome *side);

/* journal, ignored, none or exception */
extern const char *two_policies_outcome_name(JournalOutcome outcome);

/* Called with each that may become something else by the second policy. */
typedef void (*TwoOutcomes)(const Transaction *txn, int basis, const SideOutcome *sides, void *arg);

typedef struct TwoPolicies TwoPolicies;

/* What is looked at. Arrays are text[], as policy_from_array() takes them; 0: what is approved. */
typedef struct TwoPoliciesInput
{
	DateADT month;
	Datum entity; /* text; 0: all */
	Datum basis;  /* text; 0: all of either policy */
	bool has_before;
	Datum policies
		[SIDES]; /* of the first, where there is one: else every transaction is called with, as if it came to nothing by it */
} TwoPoliciesInput;

/* A call of one of this room's functions, which returns rows: what it opened, and closes. */
typedef struct PreviewCall
{
	ReturnSetInfo *rsinfo;
	MemoryContext context; /* the call's own, which is current until it ends */
	MemoryContext caller;
	int scope;
} PreviewCall;

extern void preview_begin(FunctionCallInfo fcinfo, PreviewCall *call);
extern void preview_end(PreviewCall *call);

/* Reads both policies by the active snapshot, in the current context. Needs query_open(). */
extern TwoPolicies *two_policies_open(const TwoPoliciesInput *input, TwoOutcomes take, void *arg);

/* The source, and the SELECT list of its rows as s. */
extern Relation two_policies_source(const TwoPolicies *two);
extern const char *two_policies_list(const TwoPolicies *two);

extern Routing *two_policies_routing(const TwoPolicies *two, PolicySide side);

/* A row of such a list; a QueryRow. */
extern void two_policies_row(TupleTableSlot *slot, void *two);

/* Has an observer see how journals are made by the second policy. */
extern void two_policies_observe(TwoPolicies *two, JournalObserver observer, void *arg);

/* Forgets all routes, between two rows. */
extern void two_policies_forget(TwoPolicies *two);

extern void two_policies_close(TwoPolicies *two);

/* The basis of a number. */
extern Code two_policies_basis(const TwoPolicies *two, int basis);

#endif
