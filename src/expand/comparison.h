/*
 * comparison.h
 *		What a correction's transactions come to, compared with what is posted for
 *		them: which have to be looked at.
 *
 * Journals are added as they are evaluated, and the lines that are posted as
 * they are read, by page where tables hold the run's lines and no others, else
 * by a query. Several processes do so at the same time.
 */
#ifndef LEDGER_COMPARISON_H
#define LEDGER_COMPARISON_H

#include "expand/journal.h"
#include "expand/line_buckets.h"
#include "expand/source.h"

/* A table of posted lines, all of which are compared. */
typedef struct PostedTable
{
	Oid table;
	BlockNumber nblocks;
} PostedTable;

/* What is posted: the lines of tables, and those of queries; NULL: none. */
typedef struct Posted
{
	int ntables;
	PostedTable *tables;
	const char *lines;
	const char *corrections;
} Posted;

typedef struct Comparison Comparison;

/*
 * For a run whose bases are given, by number; memory is that of buckets (line_buckets_init).
 * Reads what dimensions lines have: needs query_open().
 */
extern Comparison *
comparison_open(Relation source, int nbases, const Code *bases, void *memory, uint32 nbuckets);

/* Adds a journal that was just built. The attributes of the transaction are all deformed. */
extern void comparison_add_journal(Comparison *comparison, const Transaction *txn, int basis,
								   const Journal *journal);

/* There is no journal, and whoever looks at the transaction is to say why. */
extern void comparison_mark(Comparison *comparison, int64 txn_id, int basis);

/*
 * Takes off the posted lines of tables: those stretches of blocks that this process gets. next
 * counts stretches of all tables, for all processes.
 */
extern void comparison_take_tables(Comparison *comparison, const PostedTable *tables, int ntables,
								   pg_atomic_uint64 *next);

/*
 * Takes off the lines of the queries, of txn_id, entity_code, basis, account_code, fund, currency, product_code,
 * channel, dimensions (text, NULL where there are none), debit, credit.
 */
extern void comparison_take_queries(Comparison *comparison, const Posted *posted);

/* Columns of such a query; others may follow. */
#define COMPARED_COLUMNS (1 + LINE_CODES + 3)

/* A row of such a query. */
typedef struct ComparedLine
{
	int64 txn_id;
	Code codes[LINE_CODES];
	Digest hash;   /* of its codes, without its dimensions */
	Amount amount; /* debit less credit */
} ComparedLine;

/* Reads one; what it refers to lives in the current context, or as long as the row. 42804 where it is none. */
extern void comparison_read_row(TupleTableSlot *slot, ComparedLine *line);

/* The buckets that have something to look at. */
extern bytea *comparison_found(const Comparison *comparison);

extern void comparison_close(Comparison *comparison);

#endif
