/*
 * ledger_engine.c
 *		Start of the module: its settings, and the small things that every
 *		module needs.
 */
#include "ledger_engine.h"

#include "catalog/namespace.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

PG_MODULE_MAGIC;

bool ledger_engine_allow_drop = false;
bool ledger_engine_maintenance = false;
char *ledger_engine_batch_source = NULL;

void _PG_init(void);

PG_FUNCTION_INFO_V1(in_maintenance);

static void
define_settings(void)
{
	DefineCustomBoolVariable("ledger_engine.allow_drop",
							 "Allows DROP of tables that hold posted ledger entries.", NULL,
							 &ledger_engine_allow_drop, false, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("ledger_engine.batch_source",
							   "What txn_batch.source says of the batches that this session loads.",
							   "Empty: the session's application_name.",
							   &ledger_engine_batch_source, "", PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("ledger_engine.maintenance",
							 "Lets the engine's own functions change rows that triggers protect.",
							 NULL, &ledger_engine_maintenance, false, PGC_SUSET, GUC_NOT_IN_SAMPLE,
							 NULL, NULL, NULL);
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
	PG_RETURN_BOOL(ledger_engine_maintenance);
}

Oid
ledger_engine_schema(void)
{
	Oid oid = get_namespace_oid("acct", true);

	if (!OidIsValid(oid))
		ereport(
			ERROR,
			(errcode(ERRCODE_LE_BAD_LAYOUT), errmsg("schema acct does not exist"),
			 errhint("As a superuser: CREATE EXTENSION ledger_engine; SELECT acct.install();")));
	return oid;
}

Oid
ledger_engine_table(const char *name)
{
	Oid oid = get_relname_relid(name, ledger_engine_schema());

	if (!OidIsValid(oid))
		ereport(ERROR,
				(errcode(ERRCODE_LE_BAD_LAYOUT), errmsg("relation acct.%s does not exist", name),
				 errhint("As a superuser: SELECT acct.install();")));
	return oid;
}

Datum
code_to_datum(Code code)
{
	return PointerGetDatum(cstring_to_text_with_len(code.data, code.len));
}
