/*
 * line_reader.h
 *		Journal lines as staging stores them.
 *
 * Lines are read when a run is validated and when it is posted, and each time
 * their digest is made. Where a line has the form in which expand writes it,
 * its values are taken from their places, and the hash of its codes, which many
 * lines share, is kept.
 */
#ifndef LEDGER_LINE_READER_H
#define LEDGER_LINE_READER_H

#include "ledger/digest.h"
#include "ledger/journal_key.h"

#include "access/htup.h"
#include "utils/rel.h"

/* Valid until the next line is read. */
typedef struct Line
{
	int64 je_id;
	int64 run_id;
	int64 txn_id; /* 0 where has_txn is false */
	bool has_txn;
	DateADT je_date;
	int line_no;
	Code entity;
	Code basis;
	Code account_code;
	Code fund;
	Code currency;
	Digest codes;
	Amount debit;
	Amount credit;
	bool has_added;
	Digest added; /* of the columns that the site added, where the reader digests them */
	/* Where its parts are stored; NULL where the row is not in the form in which expand writes it. */
	const LineStart *start;
	const char *stored_codes;
	const char *stored_product; /* and channel after it, which end the codes */
	const char *stored_debit;
	const char *stored_credit; /* which ends the row */
} Line;

/* What lines add up to. */
typedef struct LineSum
{
	int64 lines;
	Amount debit;
	Amount credit;
	Digest digest;
	Digest added;        /* of lines that have it */
	JournalSum journals; /* where line_sum_add_books() is called, too */
} LineSum;

static inline void
line_sum_add(LineSum *sum, const Line *line)
{
	sum->lines++;
	sum->debit += line->debit;
	sum->credit += line->credit;
	digest_add_line(&sum->digest, line->codes, line->txn_id, line->has_txn, line->je_date,
					line->line_no, line->debit, line->credit);
	if (unlikely(line->has_added))
		digest_add(&sum->added, line->added);
}

/* By it lines are compared with their headers; books is journal_books() of its codes, or NO_BOOKS. */
static inline void
line_sum_add_books(LineSum *sum, const Line *line, uint64 books)
{
	JournalKey key = {line->je_id, line->run_id, line->txn_id, line->has_txn, line->je_date, books};

	sum->journals += journal_sum(&key, 1, line->debit, line->credit);
}

/* The same, with the line's own codes or without them. */
static inline void
line_sum_add_journal(LineSum *sum, const Line *line, bool by_book)
{
	line_sum_add_books(
		sum, line, by_book ? journal_books(line->entity, line->basis, line->currency) : NO_BOOKS);
}

static inline void
line_sum_add_sum(LineSum *sum, const LineSum *more)
{
	sum->lines += more->lines;
	sum->debit += more->debit;
	sum->credit += more->credit;
	sum->journals += more->journals;
	digest_add(&sum->digest, more->digest);
	digest_add(&sum->added, more->added);
}

/* May this column of a line be null? */
static inline bool
line_column_is_nullable(int column)
{
	return column == LINE_TXN_ID || column == LINE_PRODUCT || column == LINE_CHANNEL;
}

typedef struct LineReader LineReader;

/* For a table of lines. LE010 where a column is missing or of another type. */
extern LineReader *line_reader_open(Relation rel);

/*
 * Has columns that a site added digested with each line, over these names (text[]), as row_digest_open_added() had them,
 * as far as the table still has them.
 */
extern void line_reader_digest_added(LineReader *reader, Datum names);

/* Is a value among these hashed as its text? Lines are read in settings_scope_open_pinned() then. */
extern bool line_reader_prints(const LineReader *reader);

extern void line_reader_read(LineReader *reader, HeapTuple tuple, Line *line);

/*
 * A line of a row's columns, which are in the order of line_layout.h, for what no
 * table stores. Only those of line_column_is_nullable() may be null.
 */
extern void line_from_columns(const Datum *values, const bool *isnull, Line *line);

extern void line_reader_close(LineReader *reader);

#endif
