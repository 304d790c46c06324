/*
 * post_run.h
 *		The run that is posted: its months with their partitions, and what was
 *		written of it. What the passes over headers and lines share.
 */
#ifndef LEDGER_POST_RUN_H
#define LEDGER_POST_RUN_H

#include "common/code_map.h"
#include "ledger/amount.h"
#include "ledger/line_reader.h"
#include "table/index_builds.h"

#include "utils/array.h"
#include "utils/date.h"
#include "utils/snapshot.h"
#include "utils/timestamp.h"

typedef struct LedgerMonth
{
	DateADT first_day;
	DateADT next_first_day;
	int yyyymm;
	Oid header_partition;
	Oid line_partition;  /* of lines of small runs, and of few lines */
	Oid range_partition; /* of lines of the run's own range; InvalidOid: there are none */
	bool by_je_id;       /* the month is partitioned by je_id */
	int64 journals;
	LineSum lines;
} LedgerMonth;

typedef struct Post
{
	int64 run_id;
	int64 first_je_id; /* of the run's own range, if it has one */
	int64 end_je_id;
	bool by_book; /* journals of one transaction, or of none, may be of several books */
	MemoryContext context;
	MemoryContext row_context; /* of values that had to be fetched or decompressed */
	Snapshot snapshot;         /* that staging is read by */
	int nmonths;
	LedgerMonth *months;
	LedgerMonth *current;
	CodeMap counters; /* of journal numbers */
	TimestampTz posted_at;
	IndexBuilds index_builds; /* of months made here */
	struct PostSeals *seals;

	/* What the headers written come to. */
	int64 header_lines;
	JournalSum header_journals; /* what the lines have to come to */
	Amount header_debit;
	Amount header_credit;
	Digest headers; /* of every column, where expand recorded that */

	/* What expand recorded of them. */
	bool has_header_digest; /* not in layouts before 6, nor of runs that these expanded */
	Digest header_digest;
	Datum header_columns; /* text[] */
	Datum header_types;   /* text[] */

	/* And of what the site added to lines, where there was any. */
	bool has_added_digest;
	Digest added_digest;
	Datum added_columns; /* text[] */
	Datum added_types;   /* text[] */
} Post;

/* Is this an identifier of the run's own range? */
static inline bool
post_owns(const Post *post, int64 je_id)
{
	return je_id >= post->first_je_id && je_id < post->end_je_id;
}

/*
 * The run's own range and its months: arrays of equal length of their first days
 * and of the partitions of headers, of lines, and of lines of the range (null:
 * none). Needs query_open().
 */
extern void post_run_load(Post *post, ArrayType *months, ArrayType *headers, ArrayType *lines,
						  ArrayType *ranges);

/* The month of a journal date; LE009 where expand recorded none such. */
extern LedgerMonth *post_find_month(Post *post, DateADT date);

#endif
