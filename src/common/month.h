/*
 * month.h
 *		Months. A month is the date of its first day, in the server's calendar
 *		(j2date() and date2j()); dates are finite.
 */
#ifndef LEDGER_MONTH_H
#define LEDGER_MONTH_H

#include "common/ledger_engine.h"

#include "utils/date.h"

/* The month of a date. */
extern DateADT month_of(DateADT date);

/* The month that is so many months after that of a date, or before it where they are negative. */
extern DateADT month_after(DateADT date, int months);

#endif
