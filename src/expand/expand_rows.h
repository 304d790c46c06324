/*
 * expand_rows.h
 *		One process's part of an expansion: each source row that it is handed
 *		becomes journals, exceptions, or nothing. Staging writes them, the tally
 *		counts them.
 */
#ifndef LEDGER_EXPAND_ROWS_H
#define LEDGER_EXPAND_ROWS_H

#include "expand/comparison.h"
#include "expand/journal.h"
#include "expand/run_tally.h"
#include "expand/source.h"
#include "expand/staging.h"
#include "ledger/row_digest.h"

/* Rows of the source that are taken for the same bases. */
typedef struct Pass
{
	Datum bases;   /* text[], sorted */
	Datum batches; /* bigint[]; none where transactions are taken up again */
	bool *takes_basis;
} Pass;

/* Transactions of the month that are taken up again, in the order of their numbers. */
typedef struct Taken
{
	int64 count;
	int64 *txn_ids;
} Taken;

/* What is done with what becomes of a transaction. */
typedef enum ExpandAim
{
	AIM_STAGE,       /* it is staged, and counted */
	AIM_COMPARE,     /* it is compared with what is posted, and counted */
	AIM_STAGE_FOUND, /* it is staged where that comparison found something, and was counted then */
	AIM_REPLAY       /* it is counted, as if it were staged, and goes nowhere but to take_line */
} ExpandAim;

/* Takes a line of a journal that is replayed, the number of its template line. */
typedef void (*ReplayedLine)(const Transaction *txn, int basis, const Journal *journal, int line,
							 void *arg);

typedef struct Expand
{
	ExpandAim aim;
	Comparison *comparison; /* while comparing */
	const bytea *found;     /* then: buckets to stage */
	const Posted *posted;   /* what is compared with; NULL: nothing is */
	const Taken *taken;     /* NULL: all rows that are read are the run's */
	ReplayedLine take_line; /* while replaying; NULL: lines are not wanted */
	void *take_line_arg;

	/* The run. */
	int64 run_id;
	int64 source_run; /* whose transactions it takes: of a correction the run that it corrects */
	DateADT txn_month;
	int64 reprocess_of; /* 0: none */
	int64 je_range;     /* the run's range of je_id; 0: none */
	bool is_small;      /* it took few transactions, or a small part of the month's */
	bool moves_late;    /* journals of closed months go to the next open one */
	int64 journals;     /* of the run whose transactions it takes, before it is expanded anew */
	Datum *place;       /* where its source rows lie, from and to, two tid; NULL: not known */
	int nbases;
	Code *bases;
	Datum *basis_codes;
	uint64 *basis_numbers; /* as buckets know them */
	bool *every_transaction;

	List *passes;
	Pass *pass;      /* under way */
	int64 at_txn_id; /* transaction under way, 0 before the first */

	Datum policy_items; /* text[], as policy_from_array() takes it; 0: what is approved */
	const Policy *policy;
	Oid header; /* the tables of staging; InvalidOid: nothing is staged */
	Oid line;
	Relation source_table;
	SourceColumns source;
	MemoryContext context;
	MemoryContext row_context;
	EState *estate;
	ExprContext *econtext;
	Routing *routing;
	Journal *journal;
	JeIds ids;
	Staging *staging;

	RowDigest *rows; /* NULL: the layout of 0.1.0, in which source rows are not digested */
	RunTally tally;
	ErrorContextCallback position;
} Expand;

/* The layout of 0.1.0 has runs of transactions only. */
extern bool expand_has_kinds(void);

/* The query of columns of a run, $1, as r, and of the run whose transactions it takes as s. */
#define EXPAND_RUN_QUERY(list)                                                               \
	(expand_has_kinds()                                                                      \
		 ? "SELECT " list " FROM acct.journal_run r JOIN acct.journal_run s ON s.run_id = "  \
		   "CASE r.kind WHEN 'correction' THEN r.origin_run ELSE r.run_id END "              \
		   "WHERE r.run_id = $1"                                                             \
		 : "SELECT " list " FROM acct.journal_run r JOIN acct.journal_run s USING (run_id) " \
		   "WHERE run_id = $1")

/*
 * Reads the run and the policy to expand it by (text[], as policy_from_array() takes it; 0: what is
 * approved), and opens its tables, for a process: no helper for the one that leads, no tables (InvalidOid) for a replay. Needs query_open(), and as the active snapshot the one
 * that all processes read by; call it, and the rest, in the memory context given.
 */
extern Expand *expand_open(MemoryContext context, int64 run_id, Datum policy_items, Oid header,
						   Oid line, const StagingHelper *helper);

/* Between these, an error says where it happened. */
extern void expand_push_position(Expand *expand);
extern void expand_pop_position(Expand *expand);

/* Expands a row of a query with source_select_list(); a QueryRow. */
extern void expand_row(TupleTableSlot *slot, void *expand);

/* Writes what is buffered and closes the tables. */
extern void expand_close(Expand *expand);

#endif
