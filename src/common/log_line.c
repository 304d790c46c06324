/*
 * log_line.c
 *		acct._log_at_commit() (see log_line.h).
 *
 * Lines are written once the transaction has committed, or is prepared. Up to there
 * it may fail: other extensions take part in a commit, and so does the check of
 * serializable transactions. All that can fail is done when lines are noted.
 */
#include "common/log_line.h"

#include "access/xact.h"
#include "fmgr.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

typedef struct LogLine
{
	SubTransactionId of; /* that it goes with */
	char *text;
} LogLine;

static List *lines = NIL; /* in the transaction's memory */

LEDGER_FUNCTION(ledger_log_at_commit);

static void
write_lines(void)
{
	ListCell *lc;

	foreach(lc, lines)
		ereport(LOG, (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
					  errmsg_internal("%s", ((LogLine *) lfirst(lc))->text), errhidestmt(true),
					  errhidecontext(true)));
}

static void
follow_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
		return;
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE)
		write_lines();
	lines = NIL;
}

static void
follow_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	ListCell *lc;

	foreach(lc, lines)
	{
		LogLine *line = lfirst(lc);

		if (line->of != mine)
			continue;
		if (event == SUBXACT_EVENT_ABORT_SUB)
			lines = foreach_delete_current(lines, lc);
		else if (event == SUBXACT_EVENT_COMMIT_SUB)
			line->of = parent;
	}
}

void
log_line_init(void)
{
	RegisterXactCallback(follow_transaction, NULL);
	RegisterSubXactCallback(follow_subtransaction, NULL);
}

Datum
ledger_log_at_commit(PG_FUNCTION_ARGS)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	LogLine *line = palloc_object(LogLine);

	line->of = GetCurrentSubTransactionId();
	line->text = text_to_cstring(PG_GETARG_TEXT_PP(0));
	lines = lappend(lines, line);
	MemoryContextSwitchTo(old);
	PG_RETURN_VOID();
}
