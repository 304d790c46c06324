/*
 * run_record.h
 *		What staging of a run came to, as acct.journal_run keeps it.
 */
#ifndef LEDGER_RUN_RECORD_H
#define LEDGER_RUN_RECORD_H

#include "expand/run_tally.h"
#include "ledger/je_id.h"
#include "ledger/row_digest.h"

/* Which source rows a run of transactions used, and by which policy and code it was expanded. */
typedef struct RunOrigin
{
	Datum source_digest;  /* text */
	Datum source_columns; /* text[] */
	Datum source_types;   /* text[] */
	/* Of the policy, each as JSON. */
	char *sums;
	char *minor_units;
	char *bases;
	bool
		every_currency; /* keep minor_units of all, not of those alone that the run's totals are in */
} RunOrigin;

/*
 * Writes counts, sums, digests and months of the run's range; bases are those that the tally counts by. headers are the columns that headers
 * are digested with, NULL where these are none that posting reads; added the same of what a site added to lines, NULL where it added none.
 * origin is NULL where the run is of another kind, or the layout that of 0.1.0, which keeps none; nor has a layout before 6 these digests.
 * Needs query_open(), and the run's totals.
 */
extern void
run_record_save(int64 run_id, const RunTally *tally, const Code *bases, const JeIds *ids,
				const RowDigest *headers, const RowDigest *added, const RunOrigin *origin);

/*
 * The same of a run whose transactions were counted before: of its journals, counts, sums, digests and months of the range, which it has no
 * more where ids say so. Needs query_open(), and the run's totals.
 */
extern void run_record_save_entries(int64 run_id, const RunTally *tally, const JeIds *ids,
									const RowDigest *headers, const RowDigest *added);

/* Journals, exceptions and ignored transactions by basis, as jsonb. */
extern Datum run_record_by_basis(const RunTally *tally, const Code *bases);

/* Exceptions by reason, as jsonb. */
extern Datum run_record_reasons(const Counts *counts);

#endif
