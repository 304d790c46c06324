/*
 * mirror.h
 *		Writes journals into staging that mirror posted ones: the same rows with
 *		their sides swapped, another date and another identifier.
 *
 * Rows come from the ledger, its archive included. Columns that a site has added
 * are carried. A line in the form in which expand writes it is copied as it is,
 * with the few values that differ put in at their places.
 */
#ifndef LEDGER_MIRROR_H
#define LEDGER_MIRROR_H

#include "expand/run_bases.h"
#include "expand/run_tally.h"
#include "ledger/journal_map.h"
#include "ledger/line_reader.h"
#include "ledger/row_digest.h"

#include "access/htup.h"
#include "executor/tuptable.h"

typedef struct Mirror Mirror;

/* The run whose journals are written. */
typedef struct MirrorRun
{
	int64 run_id;
	DateADT je_date;
	DateADT je_month;
	RunBases bases;
	JeIds ids;
	JournalMap map; /* of the journals that are mirrored */
} MirrorRun;

/* Opens the tables of staging, in the current memory context. LE010 or LE012 where a table is not fit to be written to. */
extern Mirror *mirror_open(MirrorRun *run, RunTally *tally, Oid header, Oid line);

/* A row of a table of the ledger's headers, or of a query of its lines, of which those that are not in the map are passed over. */
extern void mirror_header(Mirror *mirror, Oid table, TupleTableSlot *slot);
extern void mirror_line(Mirror *mirror, TupleTableSlot *slot);

/* The lines of a table, read page by page. */
extern void mirror_lines_of(Mirror *mirror, Oid table, Snapshot snapshot);

/* The columns that headers are digested with, as they are added to the tally; lives as long as the mirror's context. */
extern const RowDigest *mirror_header_digest(const Mirror *mirror);

/* The same of the columns that a site added to lines; NULL: there are none. */
extern const RowDigest *mirror_added_digest(const Mirror *mirror);

/* Rows of another query or table follow. */
extern void mirror_forget_source(Mirror *mirror);

/* What the lines that were mirrored add up to, as they are in the ledger. */
extern const LineSum *mirror_originals(Mirror *mirror);

/* Writes what is buffered and closes the tables. */
extern void mirror_close(Mirror *mirror);

#endif
