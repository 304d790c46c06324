/*
 * settings_scope.h
 *		Other values of the server's settings, for a while.
 *
 * A scope holds from the call that opens it to settings_scope_close(), or to the
 * end of its (sub)transaction where an error comes between. What is set, is set
 * by opening a scope: nothing outlives the function that asked for it. Also in
 * parallel mode, and there for this process alone.
 */
#ifndef LEDGER_SETTINGS_SCOPE_H
#define LEDGER_SETTINGS_SCOPE_H

#include "common/ledger_engine.h"

typedef struct ScopedSetting
{
	const char *name;
	const char *value;
} ScopedSetting;

/* Returns what settings_scope_close() takes. */
extern int settings_scope_open(const ScopedSetting *settings, int count);

/*
 * DateStyle, IntervalStyle, TimeZone and every other setting that a value or its
 * text could depend on, so that a text means the same to everyone.
 */
extern int settings_scope_open_pinned(void);

extern void settings_scope_close(int scope);

#endif
