/*
 * correction_writer.h
 *		Writes the journals of a correction into staging: of each transaction that
 *		differs one with a line for each account that has to move.
 *
 * A header is that of the journal that it corrects, with what differs put in. Few journals are numbered among those of other runs, so that no
 * partition is made for them: which they are is known when they have been counted, and as many are kept until then.
 */
#ifndef LEDGER_CORRECTION_WRITER_H
#define LEDGER_CORRECTION_WRITER_H

#include "expand/line_net.h"
#include "expand/run_bases.h"
#include "expand/run_tally.h"
#include "ledger/je_id.h"
#include "ledger/row_digest.h"

typedef struct CorrectionWriter CorrectionWriter;

/* The run whose journals are written. */
typedef struct CorrectionRun
{
	int64 run_id;
	DateADT je_date;
	DateADT je_month;
	Datum memo; /* text, 0 for none */
	RunBases bases;
	JeIds ids;
} CorrectionRun;

/*
 * Opens the tables of staging, in the current memory context. dimensions are those that lines have; NULL: none. LE010 or
 * LE012 where a table is not fit to be written to.
 */
extern CorrectionWriter *correction_writer_open(CorrectionRun *run, RunTally *tally, LineNet *net,
												TupleDesc dimensions, Oid header, Oid line);

/*
 * Writes a journal. The row has the header's columns as they are in the journal that it corrects, with the template that applies now; of
 * lines those count whose sums differ. debit and credit are what the differences come to. The row's attributes are all deformed.
 */
extern void correction_writer_put(CorrectionWriter *writer, TupleTableSlot *row,
								  const NetLine *lines, int nlines, Amount debit, Amount credit);

/* The columns that headers are digested with, as they are added to the tally; lives as long as the writer's context. */
extern const RowDigest *correction_writer_header_digest(const CorrectionWriter *writer);

/* The same of the columns that a site added to lines; NULL: there are none. */
extern const RowDigest *correction_writer_added_digest(const CorrectionWriter *writer);

/* Writes what is kept or buffered and closes the tables. */
extern void correction_writer_close(CorrectionWriter *writer);

#endif
