/*
 * log_line.h
 *		Lines for the server's log that are true: written when the transaction
 *		that they speak of has committed, and not where it or its subtransaction
 *		does not. Of a prepared transaction they are written when it is prepared.
 */
#ifndef LEDGER_LOG_LINE_H
#define LEDGER_LOG_LINE_H

#include "common/ledger_engine.h"

/* The callbacks by which lines are written. */
extern void log_line_init(void);

#endif
