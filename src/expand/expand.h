/*
 * expand.h
 *		One process's part of an expansion: what expand.c and expand_parallel.c
 *		share.
 */
#ifndef LEDGER_EXPAND_H
#define LEDGER_EXPAND_H

#include "common/query.h"
#include "expand/journal.h"
#include "expand/source.h"
#include "expand/staging.h"
#include "ledger/digest.h"
#include "ledger/row_digest.h"

#include "portability/instr_time.h"

typedef struct Counts
{
	int64 transactions;
	int64 journals;
	int64 lines;
	int64 exceptions;
	int64 ignored;
	int64 by_reason[EXCEPTION_REASONS]; /* exceptions */
	Amount debit;
	Amount credit;
} Counts;

extern void counts_add(Counts *counts, const Counts *more);

/* What became of the rows of one source partition. */
typedef struct PartitionCounts
{
	Oid partition;
	Counts counts;
	double elapsed_ms;
	struct PartitionCounts *next;
} PartitionCounts;

/* Rows of the source that are taken for the same bases. */
typedef struct Pass
{
	Datum bases;   /* text[], sorted */
	Datum batches; /* bigint[]; none where transactions are taken up again */
	bool *takes_basis;
} Pass;

typedef struct Expand
{
	/* The run. */
	int64 run_id;
	DateADT txn_month;
	int64 reprocess_of; /* 0: none */
	int64 je_range;     /* the run's range of je_id; 0: none */
	bool is_small;      /* it took few transactions, or a small part of the month's */
	int nbases;
	Code *bases;
	Datum *basis_codes;
	bool *every_transaction;

	char *policy_sums;  /* of the policy that it is expanded by, as JSON; of the leader */
	char *minor_units;  /* of currencies, as JSON; of the leader */
	char *basis_policy; /* of the run's bases, as JSON; of the leader */

	List *passes;
	Pass *pass;      /* under way */
	int64 at_txn_id; /* transaction under way, 0 before the first */

	Oid header; /* the tables of staging */
	Oid line;
	Relation source_table;
	SourceColumns source;
	MemoryContext context;
	MemoryContext row_context;
	EState *estate;
	ExprContext *econtext;
	Routing *routing;
	Journal *journal;
	TotalSet totals;
	JeIds ids;
	Staging *staging;

	RowDigest *rows; /* NULL: the layout of 0.1.0, in which source rows are not digested */
	Digest source_digest;
	Digest digest;
	int64 unbalanced;
	Counts *basis_counts;
	PartitionCounts *partitions;
	PartitionCounts *current;
	instr_time current_since;
} Expand;

/*
 * Reads the run and its policy and opens its tables, for a process: no helper for
 * the one that leads. Needs query_open(), and as the active snapshot the one
 * that all processes read by; call it, and the rest, in the memory context given.
 */
extern Expand *
expand_open(MemoryContext context, int64 run_id, Oid header, Oid line, const StagingHelper *helper);

/* Calls work with a callback in place that says of an error where it happened. */
extern void expand_run(Expand *expand, void (*work)(Expand *expand, void *arg), void *arg);

/* Expands a row of a query with source_select_list(); a QueryRow. */
extern void expand_row(TupleTableSlot *slot, void *expand);

/* The counts of a source partition. */
extern PartitionCounts *expand_partition(Expand *expand, Oid partition);

/* Writes what is buffered and closes the tables. */
extern void expand_close(Expand *expand);

/*
 * Expands the run with the server's parallel workers; false, with nothing done,
 * where they cannot help or are not worth it.
 */
extern bool expand_in_parallel(Expand *expand);

#endif
