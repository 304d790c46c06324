/*
 * batch.h
 *		The batch that a transaction loads into.
 */
#ifndef LEDGER_BATCH_H
#define LEDGER_BATCH_H

/* Setting ledger_engine.batch_source: what txn_batch.source says. */
extern char *batch_source;

/* Registers the callbacks that end a batch with its transaction. */
extern void batch_init(void);

#endif
