/*
 * ledger_engine.c
 *		The small things that every module needs (see ledger_engine.h).
 */
#include "common/ledger_engine.h"

#include "catalog/namespace.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"

LEDGER_FUNCTION(ledger_see_changes);

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

/* The caches of this session know what others have committed until now. */
Datum
ledger_see_changes(PG_FUNCTION_ARGS)
{
	AcceptInvalidationMessages();
	PG_RETURN_VOID();
}
