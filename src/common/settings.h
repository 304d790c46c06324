/*
 * settings.h
 *		The settings of the extension, ledger_engine.*.
 */
#ifndef LEDGER_SETTINGS_H
#define LEDGER_SETTINGS_H

#include "common/ledger_engine.h"

/* Processes that may help one that expands, validates or posts a large run. */
extern int max_workers;

/* Runs of at least so many transactions get ledger partitions of their own; -1: none do. */
extern int run_partition_min_transactions;

/* Runs of at least so many transactions get staging tables of their own; -1: only those with ledger partitions of their own do. */
extern int staging_table_min_transactions;

/* New tables are written by pages (page_file.h) rather than through shared buffers. */
extern bool direct_write;

/* Indexes of new tables are built when these are filled rather than row by row. */
extern bool bulk_index;

/* ledger_engine.maintenance: the engine's own functions may change rows that triggers protect. */
extern bool maintenance;

/* ledger_engine.batch_source: what txn_batch.source says of the batches that the session loads. */
extern char *batch_source;

extern void settings_define(void);

#endif
