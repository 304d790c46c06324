/*
 * layout_check.h
 *		The check that each public function begins with: the tables, and what
 *		install() put on them, are there and are the owner's.
 *
 * What it found is remembered until a catalog that it reads changes.
 */
#ifndef LEDGER_LAYOUT_CHECK_H
#define LEDGER_LAYOUT_CHECK_H

#include "common/ledger_engine.h"

/* The callbacks by which it is forgotten. */
extern void layout_check_init(void);

/*
 * A number, never 0, that changes with each change of the catalogs of which the server has told the session by now: whatever was
 * found in them under the same number is still so.
 */
extern uint64 layout_changes(void);

#endif
