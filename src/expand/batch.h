/*
 * batch.h
 *		The batch that a transaction loads into.
 */
#ifndef LEDGER_BATCH_H
#define LEDGER_BATCH_H

#include "common/ledger_engine.h"

/* Registers the callbacks that end a batch with its transaction. */
extern void batch_init(void);

#endif
