/*
 * settings.c
 *		Defines the settings of settings.h.
 */
#include "common/settings.h"

#include "common/crash_point.h"
#include "common/progress.h"

#include "fmgr.h"
#include "postmaster/bgworker_internals.h"
#include "utils/guc.h"

int max_workers = 2;
int run_partition_min_transactions = 50000;
int staging_table_min_transactions = 10000;
bool direct_write = true;
bool bulk_index = true;
bool maintenance = false;
char *batch_source = NULL;

static bool allow_drop = false; /* read by ledger_guard, as a setting */

LEDGER_FUNCTION(ledger_gets_run_partition);
LEDGER_FUNCTION(ledger_gets_staging_table);

/* What a user may look at. */
static void
define_public_settings(void)
{
	DefineCustomBoolVariable("ledger_engine.allow_drop",
							 "Allows commands that drop or rewrite posted ledger entries.", NULL,
							 &allow_drop, false, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("ledger_engine.batch_source",
							   "What txn_batch.source says of the batches that this session loads.",
							   "Empty: the session's application_name.", &batch_source, "",
							   PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("ledger_engine.max_workers",
							"Processes that may help to expand, validate or post a large run.",
							"They count against max_parallel_workers. 0: one process does it.",
							&max_workers, 2, 0, MAX_PARALLEL_WORKER_LIMIT, PGC_USERSET, 0, NULL,
							NULL, NULL);
	DefineCustomIntVariable(
		"ledger_engine.progress_interval", "Time between notices of how far a run is.", "0: none.",
		&progress_interval, 0, 0, INT_MAX, PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"ledger_engine.run_partition_min_transactions",
		"Runs of at least so many transactions get ledger partitions of their own.",
		"-1: none do. Counts when a run is expanded.", &run_partition_min_transactions, 50000, -1,
		INT_MAX, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"ledger_engine.staging_table_min_transactions",
		"Runs of at least so many transactions get staging tables of their own.",
		"-1: only those with ledger partitions of their own do. Counts when a run is expanded.",
		&staging_table_min_transactions, 10000, -1, INT_MAX, PGC_USERSET, 0, NULL, NULL, NULL);
}

/* What is there for comparison, and in need. */
static void
define_developer_settings(void)
{
	DefineCustomBoolVariable("ledger_engine.direct_write",
							 "Writes new tables by whole pages, past shared buffers.", NULL,
							 &direct_write, true, PGC_USERSET, GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
	DefineCustomBoolVariable("ledger_engine.bulk_index",
							 "Builds the indexes of new tables when they are filled.", NULL,
							 &bulk_index, true, PGC_USERSET, GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
	DefineCustomBoolVariable("ledger_engine.maintenance",
							 "Lets the engine's own functions change rows that triggers protect.",
							 NULL, &maintenance, false, PGC_SUSET, GUC_NOT_IN_SAMPLE, NULL, NULL,
							 NULL);
}

void
settings_define(void)
{
	define_public_settings();
	define_developer_settings();
#ifdef LEDGER_CRASH_POINTS
	crash_point_define_setting();
#endif
	MarkGUCPrefixReserved("ledger_engine");
}

/* A function and not current_setting(), which knows nothing of settings before the module is loaded. */
Datum
ledger_gets_run_partition(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(run_partition_min_transactions >= 0 &&
				   PG_GETARG_INT64(0) >= run_partition_min_transactions);
}

/* The same of staging. */
Datum
ledger_gets_staging_table(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(staging_table_min_transactions >= 0 &&
				   PG_GETARG_INT64(0) >= staging_table_min_transactions);
}
