/*
 * init.c
 *		Start of the module: its settings and callbacks.
 */
#include "ledger_engine.h"

#include "batch.h"

#include "utils/guc.h"

PG_MODULE_MAGIC;

static bool allow_drop = false; /* read by ledger_guard, as a setting */
static bool maintenance = false;

void _PG_init(void);

PG_FUNCTION_INFO_V1(in_maintenance);

static void
define_settings(void)
{
	DefineCustomBoolVariable("ledger_engine.allow_drop",
							 "Allows DROP of tables that hold posted ledger entries.", NULL,
							 &allow_drop, false, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("ledger_engine.batch_source",
							   "What txn_batch.source says of the batches that this session loads.",
							   "Empty: the session's application_name.", &batch_source, "",
							   PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("ledger_engine.maintenance",
							 "Lets the engine's own functions change rows that triggers protect.",
							 NULL, &maintenance, false, PGC_SUSET, GUC_NOT_IN_SAMPLE, NULL, NULL,
							 NULL);
	MarkGUCPrefixReserved("ledger_engine");
}

void
_PG_init(void)
{
	define_settings();
	batch_init();
}

Datum
in_maintenance(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(maintenance);
}
