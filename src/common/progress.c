/*
 * progress.c
 *		Shows what a run is doing (see progress.h).
 *
 * The server's table has a fixed set of commands and twenty numbers for each
 * process. A step is shown as a COPY, in whose view most of it makes sense (the
 * relation is acct.journal_run, tuples_processed the rows done), and told from a
 * real one by a mark. The numbers used are those that neither the view of COPY
 * decodes nor an index build writes to, which a step has in its course.
 *
 * The server ends what is shown when a subtransaction aborts, and so does a
 * command with a progress of its own, as CREATE TABLE with indexes. So each
 * report looks whether the entry is still ours, and begins it anew where not; an
 * aborted subtransaction of the step is followed by a report at once.
 */
#include "common/progress.h"

#include <fcntl.h>
#include <unistd.h>

#include "access/xact.h"
#include "commands/progress.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

/* The numbers of the server's table, counted from 0; sql/common/progress.sql counts from 1. */
#define PARAM_ROWS_DONE        PROGRESS_COPY_TUPLES_PROCESSED
#define PARAM_STARTED_AT       PROGRESS_COPY_COMMAND
#define PARAM_PHASE_STARTED_AT PROGRESS_COPY_TYPE
#define PARAM_ROWS_TO_DO       7
#define PARAM_RUN_ID           17
#define PARAM_CODE             18
#define PARAM_MARK             19
#define PARAMS                 8

/* Tells our entries from others: "ledger" as a number. As in sql/common/progress.sql. */
#define MARK INT64CONST(0x6c6564676572)

/* Rows are added once so many are done, fewer where that takes longer than SLOW_US; more often than each FAST_US is not needed. */
#define MAX_PENDING 1024
#define FAST_US     20000
#define SLOW_US     100000

/* How often memory is looked at: between rows, and when a phase begins. */
#define ROWS_SAMPLE_US  100000
#define PHASE_SAMPLE_US 10000

typedef enum ProgressStep
{
	STEP_CREATE,
	STEP_EXPAND,
	STEP_VALIDATE,
	STEP_POST,
	STEP_DISCARD,
	STEP_SNAPSHOT,
	STEP_SEAL,
	STEP_COMPRESS,
	PROGRESS_STEPS
} ProgressStep;

static const char *const step_names[PROGRESS_STEPS] = {
	[STEP_CREATE] = "create", [STEP_EXPAND] = "expand",    [STEP_VALIDATE] = "validate",
	[STEP_POST] = "post",     [STEP_DISCARD] = "discard",  [STEP_SNAPSHOT] = "snapshot",
	[STEP_SEAL] = "seal",     [STEP_COMPRESS] = "compress"};

/* What a phase is called, and the rows that it counts. */
typedef struct PhaseName
{
	const char *name;
	const char *unit;
} PhaseName;

static const PhaseName phase_names[PROGRESS_PHASES] = {
	[PHASE_PREPARING] = {"preparing"},
	[PHASE_TAKING_BATCHES] = {"taking batches"},
	[PHASE_READING_POLICY] = {"reading policy"},
	[PHASE_READING_SOURCE] = {"reading source", "transactions"},
	[PHASE_RECORDING_TOTALS] = {"recording totals"},
	[PHASE_ATTACHING_STAGING] = {"attaching staging"},
	[PHASE_CHECKING_SOURCE] = {"checking source"},
	[PHASE_CHECKING_JOURNALS] = {"checking journals"},
	[PHASE_CHECKING_LINES] = {"checking lines", "lines"},
	[PHASE_WAITING_FOR_BOOKS] = {"waiting for books"},
	[PHASE_MAKING_PARTITIONS] = {"making partitions"},
	[PHASE_WRITING_ENTRIES] = {"writing entries", "journals and lines"},
	[PHASE_SEALING] = {"sealing entries", "journals and lines"},
	[PHASE_BUILDING_INDEXES] = {"building indexes", "rows indexed"},
	[PHASE_MOVING_BALANCES] = {"moving balances"},
	[PHASE_WAITING_FOR_READERS] = {"waiting for readers"},
	[PHASE_DROPPING_STAGING] = {"dropping staging"},
	[PHASE_RECOMPUTING_BALANCES] = {"recomputing balances"},
	[PHASE_REWRITING_TABLES] = {"rewriting tables"}};

/* The step that this process leads. */
typedef struct Progress
{
	bool active;
	SubTransactionId begun_in;
	Oid relation; /* acct.journal_run */
	int64 run_id; /* 0: none */
	ProgressStep step;
	int64 rows_of_step;
	TimestampTz started_at;
	ProgressPhase phase;
	TimestampTz phase_started_at;
	int64 rows_to_do;
	int nworkers;
	int64 phase_us[PROGRESS_PHASES]; /* spent in phases that are over */
	TimestampTz noticed_at;
} Progress;

static Progress progress;
static ProgressCounters own;
static ProgressCounters *counters = &own; /* or those shared with workers */
static SubTransactionId shared_in = InvalidSubTransactionId;
static TimestampTz flushed_at;
static TimestampTz sampled_at;
static uint64 peak_before; /* bytes that this process ever had when its part of the step began */
static uint64 most_shared; /* bytes that it was seen to share since */

ProgressCount progress_count = {0, PG_INT64_MAX};
int progress_interval = 0;

LEDGER_FUNCTION(ledger_progress_start);
LEDGER_FUNCTION(ledger_progress_set_phase);
LEDGER_FUNCTION(ledger_progress_end);
LEDGER_FUNCTION(ledger_progress_times);
LEDGER_FUNCTION(ledger_progress_names);
LEDGER_FUNCTION(ledger_peak_memory);

/* Bytes of this process, as Linux counts them (4.5 or later); all 0: not known. */
typedef struct Memory
{
	uint64 anonymous; /* shared with no other process */
	uint64 shared;    /* the rest: shared buffers, programs */
	uint64 peak;      /* the most of both that the process ever had */
} Memory;

static uint64
status_bytes(const char *status, const char *field)
{
	const char *line = strstr(status, field);

	return line == NULL ? 0 : strtou64(line + strlen(field), NULL, 10) * 1024;
}

/* Reading it takes some 50 microseconds, which small steps would do a dozen times. */
#define MEMORY_KEPT_MS 10

static Memory
memory_now(void)
{
	static TimestampTz read_at = 0;
	static Memory memory;
	TimestampTz now = GetCurrentTimestamp();
	char status[4096];
	ssize_t size;
	int fd;

	if (now >= read_at && !TimestampDifferenceExceeds(read_at, now, MEMORY_KEPT_MS))
		return memory;
	read_at = now;
	memory = (Memory){0};
	fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0)
		return memory;
	size = read(fd, status, sizeof(status) - 1);
	close(fd);
	if (size <= 0)
		return memory;
	status[size] = '\0';
	memory.anonymous = status_bytes(status, "\nRssAnon:");
	memory.shared = status_bytes(status, "\nRssFile:") + status_bytes(status, "\nRssShmem:");
	memory.peak = status_bytes(status, "\nVmHWM:");
	return memory;
}

/* From here on a new peak of the process is one of the step. */
static void
begin_sampling(void)
{
	Memory memory = memory_now();

	peak_before = memory.peak;
	most_shared = memory.shared;
}

/*
 * What the process has, and what it had meanwhile, where that was more than ever
 * before: of a peak the kernel tells the sum, and the shared part is what was
 * seen of it.
 */
static void
sample_memory(TimestampTz now)
{
	Memory memory = memory_now();
	uint64 most = memory.anonymous;
	uint64 peak = pg_atomic_read_u64(&counters->peak_memory);

	sampled_at = now;
	most_shared = Max(most_shared, memory.shared);
	if (memory.peak > peak_before && memory.peak > most_shared)
		most = Max(most, memory.peak - most_shared);
	while (most > peak && !pg_atomic_compare_exchange_u64(&counters->peak_memory, &peak, most))
		;
}

void
progress_look_at_memory(void)
{
	if (progress_count.limit != PG_INT64_MAX)
		sample_memory(GetCurrentTimestamp());
}

static bool
entry_is_ours(void)
{
	return MyBEEntry->st_progress_command == PROGRESS_COMMAND_COPY &&
		   MyBEEntry->st_progress_command_target == progress.relation &&
		   MyBEEntry->st_progress_param[PARAM_MARK] == MARK;
}

static int64
rows_done(void)
{
	return (int64) pg_atomic_read_u64(&counters->rows);
}

static void
publish(void)
{
	/* The last one is the server's count of entries written to the index that is being built. */
	static const int params[PARAMS] = {PARAM_ROWS_DONE,
									   PARAM_STARTED_AT,
									   PARAM_PHASE_STARTED_AT,
									   PARAM_ROWS_TO_DO,
									   PARAM_RUN_ID,
									   PARAM_CODE,
									   PARAM_MARK,
									   PROGRESS_CREATEIDX_TUPLES_DONE};
	int64 values[PARAMS] = {rows_done(),
							progress.started_at,
							progress.phase_started_at,
							progress.rows_to_do,
							progress.run_id,
							(int64) progress.step << 32 | (int64) progress.phase << 16 |
								progress.nworkers,
							MARK,
							0};

	if (MyBEEntry == NULL)
		return;
	if (!entry_is_ours())
		pgstat_progress_start_command(PROGRESS_COMMAND_COPY, progress.relation);
	pgstat_progress_update_multi_param(PARAMS, params, values);
}

static void
notice_rows(TimestampTz now)
{
	int64 total = progress.rows_to_do;
	int64 done = Min(rows_done(), total);
	double seconds = (now - progress.phase_started_at) / 1000000.0;
	double rate = seconds > 0 ? done / seconds : 0;

	if (rate > 0)
		ereport(NOTICE, (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
						 errmsg("run " INT64_FORMAT ": %s, " INT64_FORMAT " of " INT64_FORMAT
								" %s (%d %%), %.0f/s, %.0f s left",
								progress.run_id, step_names[progress.step], done, total,
								phase_names[progress.phase].unit, (int) (done * 100.0 / total),
								rate, (total - done) / rate)));
	else
		ereport(NOTICE, (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
						 errmsg("run " INT64_FORMAT ": %s, " INT64_FORMAT " of " INT64_FORMAT " %s",
								progress.run_id, step_names[progress.step], done, total,
								phase_names[progress.phase].unit)));
}

/* Tells whoever asked for it how far the step is. */
static void
notice(TimestampTz now)
{
	if (progress_interval == 0 || now - progress.noticed_at < progress_interval * INT64CONST(1000))
		return;
	progress.noticed_at = now;
	if (progress.rows_to_do > 0)
		notice_rows(now);
	else
		ereport(NOTICE, (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
						 errmsg("run " INT64_FORMAT ": %s, %s", progress.run_id,
								step_names[progress.step], phase_names[progress.phase].name)));
}

void
progress_flush(void)
{
	TimestampTz now;
	ProgressCount *count = &progress_count;

	if (count->limit == PG_INT64_MAX)
		return;
	now = GetCurrentTimestamp();
	pg_atomic_fetch_add_u64(&counters->rows, count->pending);
	count->pending = 0;
	if (now - flushed_at < FAST_US)
		count->limit = Min(count->limit * 2, MAX_PENDING);
	else if (now - flushed_at > SLOW_US)
		count->limit = Max(count->limit / 2, 1);
	flushed_at = now;
	if (now - sampled_at >= ROWS_SAMPLE_US)
		sample_memory(now);
	if (progress.active)
	{
		publish();
		notice(now);
	}
}

/* Rows are counted from here on. */
static void
begin_counting(void)
{
	progress_count.pending = 0;
	progress_count.limit = 1;
	flushed_at = GetCurrentTimestamp();
}

static void
stop_counting(void)
{
	progress_count.pending = 0;
	progress_count.limit = PG_INT64_MAX;
	counters = &own;
	shared_in = InvalidSubTransactionId;
}

void
progress_phase(ProgressPhase phase, int64 rows)
{
	TimestampTz now;

	if (!progress.active)
		return;
	now = GetCurrentTimestamp();
	progress.phase_us[progress.phase] += now - progress.phase_started_at;
	progress.phase = phase;
	progress.phase_started_at = now;
	progress.rows_to_do = rows;
	pg_atomic_write_u64(&counters->rows, 0);
	begin_counting();
	if (now - sampled_at >= PHASE_SAMPLE_US)
		sample_memory(now);
	publish();
	notice(now);
}

int64
progress_rows_of_step(void)
{
	return progress.active ? progress.rows_of_step : PROGRESS_NO_ROWS;
}

static void
init_counters(ProgressCounters *c, uint64 rows, uint64 memory)
{
	pg_atomic_init_u64(&c->rows, rows);
	pg_atomic_init_u64(&c->peak_memory, memory);
}

void
progress_share(ProgressCounters *shared)
{
	init_counters(shared, pg_atomic_read_u64(&own.rows), pg_atomic_read_u64(&own.peak_memory));
	counters = shared;
	shared_in = GetCurrentSubTransactionId();
}

void
progress_unshare(void)
{
	init_counters(&own, pg_atomic_read_u64(&counters->rows),
				  pg_atomic_read_u64(&counters->peak_memory));
	counters = &own;
	shared_in = InvalidSubTransactionId;
}

void
progress_workers(int nworkers)
{
	progress.nworkers = nworkers;
	if (progress.active)
		publish();
}

void
progress_join(ProgressCounters *shared)
{
	counters = shared;
	begin_sampling();
	begin_counting();
}

void
progress_leave(void)
{
	progress_flush();
	sample_memory(flushed_at);
	stop_counting();
}

/* The process works on no step any more. What is shown of it is the caller's to end. */
static void
forget_step(void)
{
	progress.active = false;
	stop_counting();
}

static void
end_step(void)
{
	if (!progress.active)
		return;
	if (MyBEEntry != NULL && entry_is_ours())
		pgstat_progress_end_command();
	forget_step();
}

/* After an abort the server has ended what was shown. */
static void
follow_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
			end_step();
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_PARALLEL_COMMIT:
			forget_step();
			break;
		default:
			break;
	}
}

static void
follow_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_COMMIT_SUB)
	{
		if (progress.begun_in == mine)
			progress.begun_in = parent;
		if (shared_in == mine)
			shared_in = parent;
	}
	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	if (shared_in >= mine)
	{
		/* The shared memory went with the workers. */
		counters = &own;
		shared_in = InvalidSubTransactionId;
		progress.nworkers = 0;
	}
	if (!progress.active)
		return;
	if (progress.begun_in >= mine)
		forget_step();
	else
		publish();
}

void
progress_init(void)
{
	init_counters(&own, 0, 0);
	RegisterXactCallback(follow_transaction, NULL);
	RegisterSubXactCallback(follow_subtransaction, NULL);
}

static ProgressStep
find_step(const char *name)
{
	for (int i = 0; i < PROGRESS_STEPS; i++)
		if (strcmp(step_names[i], name) == 0)
			return i;
	elog(ERROR, "unknown step: %s", name);
}

static ProgressPhase
find_phase(const char *name)
{
	for (int i = 0; i < PROGRESS_PHASES; i++)
		if (strcmp(phase_names[i].name, name) == 0)
			return i;
	elog(ERROR, "unknown phase: %s", name);
}

/* run_id (NULL: none), step, rows of the step (NULL: not known) */
Datum
ledger_progress_start(PG_FUNCTION_ARGS)
{
	ProgressStep step = find_step(PG_ARGISNULL(1) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(1)));
	Oid relation = ledger_engine_table("journal_run");

	memset(&progress, 0, sizeof(Progress));
	progress.relation = relation;
	progress.run_id = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
	progress.step = step;
	progress.rows_of_step = PG_ARGISNULL(2) ? PROGRESS_NO_ROWS : PG_GETARG_INT64(2);
	progress.begun_in = GetCurrentSubTransactionId();
	progress.started_at = GetCurrentTimestamp();
	progress.phase_started_at = progress.started_at;
	progress.noticed_at = progress.started_at;
	progress.active = true;
	stop_counting();
	init_counters(&own, 0, 0);
	begin_sampling();
	progress_phase(PHASE_PREPARING, PROGRESS_NO_ROWS);
	PG_RETURN_VOID();
}

Datum
ledger_progress_set_phase(PG_FUNCTION_ARGS)
{
	progress_phase(find_phase(text_to_cstring(PG_GETARG_TEXT_PP(0))), PROGRESS_NO_ROWS);
	PG_RETURN_VOID();
}

Datum
ledger_progress_end(PG_FUNCTION_ARGS)
{
	end_step();
	PG_RETURN_VOID();
}

/* A step's milliseconds by phase, up to now. */
Datum
ledger_progress_times(PG_FUNCTION_ARGS)
{
	StringInfoData json;
	TimestampTz now = GetCurrentTimestamp();

	if (!progress.active)
		PG_RETURN_NULL();
	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int i = 0; i < PROGRESS_PHASES; i++)
	{
		int64 spent = progress.phase_us[i];

		if (i == progress.phase)
			spent += now - progress.phase_started_at;
		if (spent > 0)
			appendStringInfo(&json, "%s\"%s\": %.1f", json.len > 1 ? ", " : "", phase_names[i].name,
							 spent / 1000.0);
	}
	appendStringInfoChar(&json, '}');
	PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data)));
}

/* What the number in PARAM_CODE says. */
Datum
ledger_progress_names(PG_FUNCTION_ARGS)
{
	int64 code = PG_GETARG_INT64(0);
	int step = code >> 32 & 0xffff;
	int phase = code >> 16 & 0xffff;
	TupleDesc tupdesc;
	Datum values[4] = {0};
	bool nulls[4] = {false};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	nulls[0] = step >= PROGRESS_STEPS;
	nulls[1] = phase >= PROGRESS_PHASES;
	nulls[2] = nulls[1] || phase_names[phase].unit == NULL;
	if (!nulls[0])
		values[0] = CStringGetTextDatum(step_names[step]);
	if (!nulls[1])
		values[1] = CStringGetTextDatum(phase_names[phase].name);
	if (!nulls[2])
		values[2] = CStringGetTextDatum(phase_names[phase].unit);
	values[3] = Int32GetDatum(code & 0xffff);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}

/* The most memory that a process of the step had; NULL where that is not known. */
Datum
ledger_peak_memory(PG_FUNCTION_ARGS)
{
	uint64 peak;

	if (!progress.active)
		PG_RETURN_NULL();
	sample_memory(GetCurrentTimestamp());
	peak = pg_atomic_read_u64(&counters->peak_memory);
	if (peak == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64((int64) peak);
}
