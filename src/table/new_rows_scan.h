/*
 * new_rows_scan.h
 *		The scan below an index build, for a table whose rows this transaction
 *		inserted and nothing else touched.
 *
 * The server's own scan asks of each row, under a lock of its page, who may see
 * it. Here all rows are known to be the transaction's own: one look at a page
 * confirms it, and each row goes to the builder.
 */
#ifndef LEDGER_NEW_ROWS_SCAN_H
#define LEDGER_NEW_ROWS_SCAN_H

#include "common/ledger_engine.h"

#include "access/tableam.h"

/*
 * Has the builders that are called for a table use this scan. What is to be given
 * back when they are done, also after an error within the process that goes on.
 */
extern const TableAmRoutine *new_rows_use_scan(Relation table, TableAmRoutine *routine);

#endif
