/*
 * crash_point.c
 *		Waiting at a point that a test named (see crash_point.h).
 */
#include "common/crash_point.h"

#include <unistd.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/wait_event.h"

#define POLL_MS      20
#define REACHED_FILE "crash_point_reached"

static char *chosen = NULL;

LEDGER_FUNCTION(ledger_crash_point_sql);

void
crash_point_define_setting(void)
{
	DefineCustomStringVariable("ledger_engine.crash_point", "The points at which a process waits.",
							   "Names, with commas between them.", &chosen, "", PGC_SUSET,
							   GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
}

static bool
is_chosen(const char *name)
{
	Size size = strlen(name);

	for (const char *at = chosen; at != NULL; at = strchr(at, ','))
	{
		at += *at == ',';
		if (strncmp(at, name, size) == 0 && (at[size] == ',' || at[size] == '\0'))
			return true;
	}
	return false;
}

static bool
is_released(const char *name)
{
	char path[MAXPGPATH];

	snprintf(path, MAXPGPATH, "crash_point_%s", name);
	return access(path, F_OK) == 0;
}

/* A file in the data directory tells a test which process waits where, without a connection. */
static void
say_who_waits(const char *name)
{
	FILE *file = AllocateFile(REACHED_FILE, "a");

	if (file == NULL)
		elog(ERROR, "cannot write %s: %m", REACHED_FILE);
	fprintf(file, "%s %d\n", name, MyProcPid);
	FreeFile(file);
}

void
crash_point(const char *name)
{
	if (!is_chosen(name))
		return;
	pgstat_report_activity(STATE_RUNNING, psprintf("crash point %s", name));
	say_who_waits(name);
	while (!is_released(name))
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
ledger_crash_point_sql(PG_FUNCTION_ARGS)
{
	crash_point(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_VOID();
}
