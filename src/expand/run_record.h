/*
 * run_record.h
 *		What staging of a run came to, as acct.journal_run keeps it.
 */
#ifndef LEDGER_RUN_RECORD_H
#define LEDGER_RUN_RECORD_H

#include "expand/run_tally.h"
#include "ledger/je_id.h"

/*
 * Writes counts, sums, digest and months of the run's range; bases are those that the tally counts by. Needs query_open().
 */
extern void
run_record_save(int64 run_id, const RunTally *tally, const Code *bases, const JeIds *ids);

/* Exceptions by reason, as jsonb. */
extern Datum run_record_reasons(const Counts *counts);

#endif
