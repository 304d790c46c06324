/*
 * expand.h
 *		One pass over the source rows of a run.
 */
#ifndef LEDGER_EXPAND_H
#define LEDGER_EXPAND_H

#include "expand/expand_rows.h"

/* Takes all source rows of the run, with workers where they help. */
extern void expand_all(Expand *expand, ExpandAim aim);

#endif
