/*
 * crash_point.c
 *		Waiting at a point that a test named (see crash_point.h).
 */
#include "ledger_engine.h"

#include "crash_point.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/wait_event.h"

#define POLL_MS 20

static char *chosen = NULL;

PG_FUNCTION_INFO_V1(crash_point_sql);

void
crash_point_define_setting(void)
{
	DefineCustomStringVariable("ledger_engine.crash_point", "The point at which a process waits.",
							   NULL, &chosen, "", PGC_SUSET, GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
}

void
crash_point(const char *name)
{
	if (chosen == NULL || strcmp(chosen, name) != 0)
		return;
	pgstat_report_activity(STATE_RUNNING, psprintf("crash point %s", name));
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, POLL_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

void
crash_point_row(void)
{
	if (chosen != NULL && strcmp(chosen, "row") == 0)
		elog(ERROR, "a table is given a row");
}

Datum
crash_point_sql(PG_FUNCTION_ARGS)
{
	crash_point(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_VOID();
}
