/*
 * settings_scope.c
 *		Settings for a while (see settings_scope.h), as a function with SET has them
 *		(the server's fmgr_security_definer).
 */
#include "common/settings_scope.h"

#include "utils/guc.h"

int
settings_scope_open(const ScopedSetting *settings, int count)
{
	int scope = NewGUCNestLevel();

	for (int i = 0; i < count; i++)
	{
		const char *current = GetConfigOption(settings[i].name, true, false);

		if (current == NULL || strcmp(current, settings[i].value) != 0)
			(void) set_config_option(settings[i].name, settings[i].value, PGC_USERSET,
									 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	}
	return scope;
}

int
settings_scope_open_pinned(void)
{
	static const ScopedSetting pinned[] = {{"array_nulls", "on"},
										   {"backslash_quote", "safe_encoding"},
										   {"bytea_output", "hex"},
										   {"datestyle", "ISO, YMD"},
										   {"extra_float_digits", "1"},
										   {"intervalstyle", "postgres"},
										   {"lc_monetary", "C"},
										   {"quote_all_identifiers", "off"},
										   {"search_path", "pg_catalog, acct, pg_temp"},
										   {"standard_conforming_strings", "on"},
										   {"timezone", "UTC"},
										   {"timezone_abbreviations", "Default"},
										   {"transform_null_equals", "off"}};

	return settings_scope_open(pinned, lengthof(pinned));
}

void
settings_scope_close(int scope)
{
	AtEOXact_GUC(true, scope);
}
