/*
 * exception.c
 *		Reasons and messages of exceptions.
 */
#include "ledger/exception.h"

#include "mb/pg_wchar.h"

static const char *const names[] = {[EXCEPTION_NONE] = "NONE",
									[EXCEPTION_UNKNOWN_ENTITY] = "UNKNOWN_ENTITY",
									[EXCEPTION_ENTITY_ELSEWHERE] = "ENTITY_ELSEWHERE",
									[EXCEPTION_INVALID_CODE] = "INVALID_CODE",
									[EXCEPTION_BAD_DATE] = "BAD_DATE",
									[EXCEPTION_UNKNOWN_CURRENCY] = "UNKNOWN_CURRENCY",
									[EXCEPTION_PERIOD_CLOSED] = "PERIOD_CLOSED",
									[EXCEPTION_CONDITION_ERROR] = "CONDITION_ERROR",
									[EXCEPTION_NO_TEMPLATE] = "NO_TEMPLATE",
									[EXCEPTION_AMOUNT_NULL] = "AMOUNT_NULL",
									[EXCEPTION_AMOUNT_ERROR] = "AMOUNT_ERROR",
									[EXCEPTION_AMOUNT_RANGE] = "AMOUNT_RANGE",
									[EXCEPTION_NEGATIVE_AMOUNT] = "NEGATIVE_AMOUNT",
									[EXCEPTION_UNKNOWN_ACCOUNT] = "UNKNOWN_ACCOUNT",
									[EXCEPTION_NO_LINES] = "NO_LINES",
									[EXCEPTION_UNBALANCED] = "UNBALANCED",
									[EXCEPTION_UNBALANCED_FUND] = "UNBALANCED_FUND"};

const char *
exception_name(ExceptionReason reason)
{
	return names[reason];
}

void
exception_set(Exception *exception, ExceptionReason reason, int line_no, const char *format, ...)
{
	va_list args;
	int length;

	exception->reason = reason;
	exception->line_no = line_no;
	va_start(args, format);
	length = vsnprintf(exception->message, sizeof(exception->message), format, args);
	va_end(args);
	/* Cut off between characters, not within one. */
	if (length >= (int) sizeof(exception->message))
		exception->message[pg_mbcliplen(exception->message, sizeof(exception->message) - 1,
										sizeof(exception->message) - 1)] = '\0';
}
