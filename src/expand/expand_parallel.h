/*
 * expand_parallel.h
 *		An expansion shared with parallel workers.
 */
#ifndef LEDGER_EXPAND_PARALLEL_H
#define LEDGER_EXPAND_PARALLEL_H

#include "expand/expand_rows.h"

/*
 * Expands the run with the server's parallel workers; false, with nothing done,
 * where they cannot help or are not worth it.
 */
extern bool expand_in_parallel(Expand *expand);

#endif
