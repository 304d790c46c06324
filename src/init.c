/*
 * init.c
 *		Start of the module: its settings and callbacks.
 */
#include "common/ledger_engine.h"

#include "common/layout_check.h"
#include "common/log_line.h"
#include "common/progress.h"
#include "common/settings.h"
#include "expand/batch.h"

#include "access/genam.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

LEDGER_FUNCTION(ledger_in_maintenance);

/* The version of the extension in this database, in the current memory context; NULL where there is none. */
static char *
installed_version(void)
{
	Relation rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	char *version = NULL;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum("ledger_engine"));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool isnull;
		Datum value =
			heap_getattr(tuple, Anum_pg_extension_extversion, RelationGetDescr(rel), &isnull);

		if (!isnull)
			version = TextDatumGetCString(value);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return version;
}

/*
 * SQL of another version declares functions by other names. The server would say no
 * more than that it does not find them. Updating the extension is not in the way of
 * itself, nor are the names of version 0.1.0, which have a library of their own.
 */
static void
require_version(void)
{
	char *version;

	if (!IsTransactionState() || creating_extension || IsBinaryUpgrade || IsParallelWorker() ||
		*find_rendezvous_variable("ledger_engine_0_1") != NULL)
		return;
	version = installed_version();
	if (version != NULL && strcmp(version, LEDGER_ENGINE_VERSION) != 0)
		ereport(ERROR, (errcode(ERRCODE_LE_BAD_LAYOUT),
						errmsg("the library of ledger_engine is of another version than its SQL"),
						errdetail("Library: %s, SQL: %s.", LEDGER_ENGINE_VERSION, version),
						errhint("As a superuser: ALTER EXTENSION ledger_engine UPDATE; "
								"SELECT acct.install();")));
}

void
_PG_init(void)
{
	require_version();
	settings_define();
	layout_check_init();
	batch_init();
	progress_init();
	log_line_init();
}

Datum
ledger_in_maintenance(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(maintenance);
}
