/*
 * shared_staging.h
 *		The two tables of staging that small runs share, where a run's rows are
 *		those with its run_id. A large run has two of its own, where they are all
 *		rows (sql/runs/staging.sql).
 */
#ifndef LEDGER_SHARED_STAGING_H
#define LEDGER_SHARED_STAGING_H

#include "common/ledger_engine.h"
#include "table/key_scan.h"

/* Is it one of the tables that small runs share? */
extern bool staging_is_shared(Relation rel);

/* The rows of a run in one of them. LE010 where the table has no run_id. */
extern void shared_staging_open(KeyScan *scan, Relation rel, int64 run_id, Snapshot snapshot);

#endif
