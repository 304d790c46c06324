/*
 * ledger_target.h
 *		A partition of the ledger that rows of staging are posted to.
 */
#ifndef LEDGER_LEDGER_TARGET_H
#define LEDGER_LEDGER_TARGET_H

#include "common/columns.h"
#include "table/bulk_writer.h"

typedef struct LedgerTarget
{
	BulkWriter *writer;
	PageFile *file; /* to which pages of staging may be copied as they are; NULL: not so */
	int ncarried;   /* from staging */
	CarriedColumn *carried;
	AttrNumber je_number; /* 0 in lines */
	AttrNumber posted_at;
	bool same_layout; /* rows of staging may be copied as they are */
	Datum *values;
	bool *isnull;
} LedgerTarget;

/*
 * Opens a partition for headers or lines of a staging table; LE010 or LE012 where it is not fit to be written to. Indexes of a
 * new one are left to index_builds.
 */
extern void ledger_target_open(LedgerTarget *target, Oid partition, TupleDesc staging,
							   bool is_header, IndexBuilds *index_builds);

/* Writes a row of staging, whose attributes are all deformed; columns that staging has not are set beforehand. */
extern void ledger_target_put(LedgerTarget *target, TupleTableSlot *slot);

extern void ledger_target_close(LedgerTarget *target);

#endif
