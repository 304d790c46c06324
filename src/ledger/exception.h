/*
 * exception.h
 *		Why a transaction could not be journalled.
 */
#ifndef LEDGER_EXCEPTION_H
#define LEDGER_EXCEPTION_H

#include "common/ledger_engine.h"

/* In the order in which they are looked for (CONTRACT: the first one met is reported). */
typedef enum ExceptionReason
{
	EXCEPTION_NONE,
	EXCEPTION_UNKNOWN_ENTITY,
	EXCEPTION_ENTITY_ELSEWHERE,
	EXCEPTION_INVALID_CODE,
	EXCEPTION_BAD_DATE,
	EXCEPTION_UNKNOWN_CURRENCY,
	EXCEPTION_PERIOD_CLOSED,
	EXCEPTION_CONDITION_ERROR,
	EXCEPTION_NO_TEMPLATE,
	EXCEPTION_AMOUNT_NULL,
	EXCEPTION_AMOUNT_ERROR,
	EXCEPTION_AMOUNT_RANGE,
	EXCEPTION_NEGATIVE_AMOUNT,
	EXCEPTION_UNKNOWN_ACCOUNT,
	EXCEPTION_NO_LINES,
	EXCEPTION_UNBALANCED,
	EXCEPTION_UNBALANCED_FUND,
	EXCEPTION_REASONS
} ExceptionReason;

#define EXCEPTION_MESSAGE_SIZE 512

typedef struct Exception
{
	ExceptionReason reason;
	int line_no; /* 0: none */
	char message[EXCEPTION_MESSAGE_SIZE];
} Exception;

/* The reason as je_exception.reason has it. */
extern const char *exception_name(ExceptionReason reason);

extern void exception_set(Exception *exception, ExceptionReason reason, int line_no,
						  const char *format, ...) pg_attribute_printf(4, 5);

#endif
