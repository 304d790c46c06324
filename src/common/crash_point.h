/*
 * crash_point.h
 *		Named points at which a test has a process wait, to be killed, cancelled
 *		left when the server stops, or let go.
 *
 * They are compiled in by "make CRASH_POINTS=1" only, for tests. A process that
 * comes to the point that ledger_engine.crash_point names says so as its query
 * in pg_stat_activity, and in the file crash_point_reached of the data directory.
 * It waits for its end, or for the file crash_point_NAME there. In SQL, a line
 * "-- crash point: NAME" becomes a call.
 * Where the setting is "row", it is an error to give any table a row, in bulk: a
 * test sees that what is refused is refused before. What such a build only tells
 * a test goes to the server's log.
 */
#ifndef LEDGER_CRASH_POINT_H
#define LEDGER_CRASH_POINT_H

#include "common/ledger_engine.h"

#ifdef LEDGER_CRASH_POINTS
extern void crash_point(const char *name);
extern void crash_point_define_setting(void);
extern void crash_point_row(void);
#define CRASH_POINT(name)    crash_point(name)
#define CRASH_POINT_ROW()    crash_point_row()
#define CRASH_POINT_LOG(...) elog(LOG, __VA_ARGS__)
#else
#define CRASH_POINT(name)    ((void) 0)
#define CRASH_POINT_ROW()    ((void) 0)
#define CRASH_POINT_LOG(...) ((void) 0)
#endif

#endif
