/*
 * run_tally.h
 *		What a process's part of an expansion comes to: counts by source partition
 *		and by basis, totals by account, and digests.
 *
 * Staging writes journals, the tally keeps the books about them. Tallies of
 * several processes add up.
 */
#ifndef LEDGER_RUN_TALLY_H
#define LEDGER_RUN_TALLY_H

#include "expand/journal.h"
#include "expand/source.h"
#include "ledger/digest.h"
#include "ledger/run_total.h"

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

typedef struct RunTally
{
	MemoryContext context;
	int nbases;
	Counts *basis_counts; /* by basis: journals, exceptions, ignored */
	PartitionCounts *partitions;
	PartitionCounts *current; /* that the transaction under way came from */
	instr_time current_since;
	int64 unbalanced; /* journals */
	TotalSet totals;
	Digest lines;
	Digest headers; /* as they are staged, every column; added by whoever stages them */
	Digest added;   /* of columns that a site added to lines, in the same way */
	Digest source_rows;
} RunTally;

extern void run_tally_init(RunTally *tally, MemoryContext context, int nbases);

/* Counts a transaction of a source partition; what follows is counted there. */
extern void run_tally_transaction(RunTally *tally, Oid partition);

/* Counts what a transaction became in a basis. */
extern void
run_tally_journal(RunTally *tally, const Transaction *txn, int basis, const Journal *journal);
/* Counts a journal that is compared and goes nowhere: its lines are not counted. */
extern void run_tally_compared(RunTally *tally, int basis);

/* Counts a journal that was made of another one, which came from a table; its lines are added by whoever reads them. */
extern void
run_tally_header(RunTally *tally, Oid table, int basis, int64 nlines, Amount debit, Amount credit);

extern void run_tally_exception(RunTally *tally, int basis, ExceptionReason reason);
extern void run_tally_ignored(RunTally *tally, int basis);

/* No more transactions follow: stops the clock of the current partition. */
extern void run_tally_stop(RunTally *tally);

/* The counts of a source partition. */
extern PartitionCounts *run_tally_partition(RunTally *tally, Oid partition);

/* The counts of all headers that were counted, before what is known of their lines. */
extern Counts run_tally_headers_sum(const RunTally *tally);

/* The counts of all source partitions. */
extern Counts run_tally_sum(const RunTally *tally);

#endif
