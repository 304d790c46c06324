/*
 * init.c
 *		Start of the module: its settings and callbacks.
 */
#include "ledger_engine.h"

#include "batch.h"
#include "log_line.h"
#include "progress.h"
#include "settings.h"

PG_MODULE_MAGIC;

void _PG_init(void);

PG_FUNCTION_INFO_V1(in_maintenance);

void
_PG_init(void)
{
	settings_define();
	batch_init();
	progress_init();
	log_line_init();
}

Datum
in_maintenance(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(maintenance);
}
