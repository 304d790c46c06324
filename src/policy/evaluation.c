/*
 * evaluation.c
 *		Limits of expressions (see evaluation.h).
 *
 * An expression that is ready is an array of steps. Most that call a function
 * have its address twice: in the step, which is what the interpreter calls, and
 * in the FmgrInfo. The first is replaced by a function of this file, which looks
 * at arguments and result and calls the second. Conversions by way of text, and
 * comparisons of GREATEST and LEAST, have only an FmgrInfo, which is replaced by
 * one that knows both addresses.
 *
 * A memory context is a table of functions and what they work on. The limited
 * one is an ordinary context whose table has another function for requests.
 */
#include "policy/evaluation.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "executor/execExpr.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#define MEMORY_MB 32

/* Bytes of a number, which has two digits a byte. What a division of two such takes is some 0.1 s. */
#define MAX_NUMBER_SIZE 16384

/* The product of the sizes of two values, by what is done for each pair of their characters or elements. */
#define MAX_CHARACTER_PAIRS (INT64CONST(1) << 26)
#define MAX_ARRAY_PAIRS     (INT64CONST(1) << 32)
#define MAX_JSON_PAIRS      (INT64CONST(1) << 35)

/* Bytes that an element of one character takes while an array is gathered. */
#define SPLIT_ELEMENT_SIZE 48

static MemoryContextMethods limited_methods;
static const MemoryContextMethods *methods; /* those of an ordinary context; NULL: not known yet */
static bool interrupting = false;
#if PG_VERSION_NUM >= 160000
static bool aligning = false; /* the request is the one that an aligned chunk is made of */
#endif

static inline void
check_memory(Size bytes)
{
	if (unlikely(bytes > MEMORY_MB * (Size) 1024 * 1024))
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("an expression may take no more than %d MB of memory", MEMORY_MB)));
}

#if PG_VERSION_NUM < 160000
static void *
limited_alloc(MemoryContext context, Size size)
{
	check_memory(context->mem_allocated + size);
	return methods->alloc(context, size);
}

static void *
limited_realloc(MemoryContext context, void *pointer, Size size)
{
	check_memory(size);
	return methods->realloc(context, pointer, size);
}
#else
/*
 * From 16 on repalloc() goes by the chunk's kind, not by the context. Of an aligned chunk it asks the context for a
 * new one (AlignedAllocRealloc() in alignedalloc.c of 16 to 18), so each chunk here is an aligned one.
 */
static void *
limited_alloc(MemoryContext context, REQUEST_PARAMETERS)
{
	void *pointer;

	check_memory(context->mem_allocated + size);
	if (aligning)
		return methods->alloc(context, REQUEST_ARGUMENTS);
	aligning = true;
	pointer = MemoryContextAllocAligned(context, size, 2 * MAXIMUM_ALIGNOF, MCXT_ALLOC_HUGE);
	aligning = false;
	return pointer;
}
#endif

MemoryContext
evaluation_context(MemoryContext parent)
{
	MemoryContext context =
		AllocSetContextCreate(parent, "template expression's values", ALLOCSET_DEFAULT_SIZES);

	if (methods == NULL)
	{
		methods = context->methods;
		limited_methods = *methods;
		limited_methods.alloc = limited_alloc;
#if PG_VERSION_NUM < 160000
		limited_methods.realloc = limited_realloc;
#endif
	}
	context->methods = &limited_methods;
	return context;
}

void
evaluation_begin(MemoryContext context)
{
	MemoryContextReset(context);
	interrupting = false;
#if PG_VERSION_NUM >= 160000
	aligning = false; /* an error may have ended a request */
#endif
}

static inline void
check_interrupts(void)
{
	if (unlikely(INTERRUPTS_PENDING_CONDITION()))
	{
		interrupting = true;
		CHECK_FOR_INTERRUPTS();
		interrupting = false;
	}
}

void
evaluation_check_interrupts(void)
{
	check_interrupts();
}

bool
evaluation_was_interrupted(void)
{
	return interrupting;
}

static inline Datum
call(FunctionCallInfo fcinfo)
{
	Datum result;

	check_interrupts();
	result = fcinfo->flinfo->fn_addr(fcinfo);
	check_memory(MemoryContextMemAllocated(CurrentMemoryContext, true));
	return result;
}

static Datum
call_any(PG_FUNCTION_ARGS)
{
	return call(fcinfo);
}

static void
check_number(NullableDatum number)
{
	if (!number.isnull && toast_raw_datum_size(number.value) > MAX_NUMBER_SIZE)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a number in an expression may have no more than %d digits",
							   2 * MAX_NUMBER_SIZE)));
}

/* A function of numbers that returns one. */
static Datum
call_with_numbers(PG_FUNCTION_ARGS)
{
	NullableDatum result;

	for (int i = 0; i < PG_NARGS(); i++)
		check_number(fcinfo->args[i]);
	result.value = call(fcinfo);
	result.isnull = fcinfo->isnull;
	check_number(result);
	return result.value;
}

static void
raise_too_large(void)
{
	ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					errmsg("values of an expression are too large to be compared part by part")));
}

static void
check_pairs(FunctionCallInfo fcinfo, int64 max)
{
	int64 pairs = 1;

	for (int i = 0; i < Min(PG_NARGS(), 2); i++)
		if (!PG_ARGISNULL(i))
			pairs *= toast_raw_datum_size(PG_GETARG_DATUM(i));
	if (pairs > max)
		raise_too_large();
}

/* A text that is sorted by exchange of its neighbours. */
static Datum
call_with_text(PG_FUNCTION_ARGS)
{
	int64 size = PG_ARGISNULL(0) ? 0 : toast_raw_datum_size(PG_GETARG_DATUM(0));

	if (size * size > MAX_CHARACTER_PAIRS)
		raise_too_large();
	return call(fcinfo);
}

static Datum
call_with_texts(PG_FUNCTION_ARGS)
{
	check_pairs(fcinfo, MAX_CHARACTER_PAIRS);
	return call(fcinfo);
}

static Datum
call_with_arrays(PG_FUNCTION_ARGS)
{
	check_pairs(fcinfo, MAX_ARRAY_PAIRS);
	return call(fcinfo);
}

static Datum
call_with_json(PG_FUNCTION_ARGS)
{
	check_pairs(fcinfo, MAX_JSON_PAIRS);
	return call(fcinfo);
}

/* A jsonpath, which may compare each value of a document with each. */
static Datum
call_with_path(PG_FUNCTION_ARGS)
{
	int64 size = PG_ARGISNULL(0) ? 0 : toast_raw_datum_size(PG_GETARG_DATUM(0));

	if (size * size > MAX_JSON_PAIRS)
		raise_too_large();
	return call(fcinfo);
}

/*
 * A text that is cut into an array, whose elements are gathered in a context of
 * the server's own: at the worst there is one for each character.
 */
static Datum
call_splitting(PG_FUNCTION_ARGS)
{
	if (!PG_ARGISNULL(0))
		check_memory(toast_raw_datum_size(PG_GETARG_DATUM(0)) * (Size) SPLIT_ELEMENT_SIZE);
	return call_with_texts(fcinfo);
}

static Datum
call_splitting_by_pattern(PG_FUNCTION_ARGS)
{
	if (!PG_ARGISNULL(0))
		check_memory(toast_raw_datum_size(PG_GETARG_DATUM(0)) * (Size) SPLIT_ELEMENT_SIZE);
	return call(fcinfo);
}

static bool
works_on_numbers(Oid function)
{
	Oid *types;
	int ntypes;
	Oid result = get_func_signature(function, &types, &ntypes);

	for (int i = 0; i < ntypes; i++)
		if (types[i] != NUMERICOID)
			return false;
	return result == NUMERICOID;
}

/* What is called in place of a function. Those named take a time that is the product of two sizes, and cannot be stopped. */
static PGFunction
limited(Oid function)
{
	switch (function)
	{
		case F_BTRIM_BYTEA_BYTEA:
		case F_BTRIM_TEXT_TEXT:
		case F_BYTEALIKE:
		case F_BYTEANLIKE:
		case F_LTRIM_BYTEA_BYTEA:
		case F_LTRIM_TEXT_TEXT:
		case F_POSITION_BIT_BIT:
		case F_POSITION_BYTEA_BYTEA:
		case F_POSITION_TEXT_TEXT:
		case F_REPLACE:
		case F_RTRIM_BYTEA_BYTEA:
		case F_RTRIM_TEXT_TEXT:
		case F_SPLIT_PART:
		case F_STRPOS:
		case F_TEXTLIKE:
		case F_TEXTNLIKE:
		case F_TEXTICLIKE:
		case F_TEXTICNLIKE:
		case F_BPCHARLIKE:
		case F_BPCHARNLIKE:
		case F_BPCHARICLIKE:
		case F_BPCHARICNLIKE:
		case F_LIKE_BYTEA_BYTEA:
		case F_LIKE_TEXT_TEXT:
		case F_NOTLIKE_BYTEA_BYTEA:
		case F_NOTLIKE_TEXT_TEXT:
		case F_TRANSLATE:
			return call_with_texts;
		case F_STRING_TO_ARRAY_TEXT_TEXT:
		case F_STRING_TO_ARRAY_TEXT_TEXT_TEXT:
			return call_splitting;
		case F_REGEXP_SPLIT_TO_ARRAY_TEXT_TEXT:
		case F_REGEXP_SPLIT_TO_ARRAY_TEXT_TEXT_TEXT:
			return call_splitting_by_pattern;
		case F_IS_NORMALIZED:
		case F_NORMALIZE:
			return call_with_text;
		case F_ARRAYCONTAINED:
		case F_ARRAYCONTAINS:
		case F_ARRAYOVERLAP:
		case F_JSONB_DELETE_JSONB__TEXT:
		case F_JSONB_EXISTS_ALL:
		case F_JSONB_EXISTS_ANY:
			return call_with_arrays;
		case F_JSONB_CONTAINED:
		case F_JSONB_CONTAINS:
			return call_with_json;
		case F_JSONB_PATH_EXISTS:
		case F_JSONB_PATH_EXISTS_OPR:
		case F_JSONB_PATH_MATCH:
		case F_JSONB_PATH_MATCH_OPR:
		case F_JSONB_PATH_QUERY_ARRAY:
		case F_JSONB_PATH_QUERY_FIRST:
			return call_with_path;
		default:
			return works_on_numbers(function) ? call_with_numbers : call_any;
	}
}

/* An FmgrInfo whose address is that of call_real(). */
typedef struct LimitedFunction
{
	FmgrInfo info;
	PGFunction real;
} LimitedFunction;

static Datum
call_real(PG_FUNCTION_ARGS)
{
	Datum result;

	check_interrupts();
	result = ((LimitedFunction *) fcinfo->flinfo)->real(fcinfo);
	check_memory(MemoryContextMemAllocated(CurrentMemoryContext, true));
	return result;
}

static void
limit_call(FunctionCallInfo fcinfo)
{
	LimitedFunction *limited = palloc_object(LimitedFunction);

	limited->info = *fcinfo->flinfo;
	limited->info.fn_addr = call_real;
	limited->real = fcinfo->flinfo->fn_addr;
	fcinfo->flinfo = &limited->info;
}

void
evaluation_limit(ExprState *state)
{
	for (int i = 0; i < state->steps_len; i++)
	{
		ExprEvalStep *step = &state->steps[i];

		switch (ExecEvalStepOp(state, step))
		{
			case EEOP_FUNCEXPR:
			case EEOP_FUNCEXPR_STRICT:
#if PG_VERSION_NUM >= 180000
			case EEOP_FUNCEXPR_STRICT_1:
			case EEOP_FUNCEXPR_STRICT_2:
#endif
			case EEOP_FUNCEXPR_FUSAGE:
			case EEOP_FUNCEXPR_STRICT_FUSAGE:
			case EEOP_DISTINCT:
			case EEOP_NOT_DISTINCT:
			case EEOP_NULLIF:
				step->d.func.fn_addr = limited(step->d.func.finfo->fn_oid);
				break;
			case EEOP_SCALARARRAYOP:
				step->d.scalararrayop.fn_addr = limited(step->d.scalararrayop.finfo->fn_oid);
				break;
			case EEOP_IOCOERCE:
				limit_call(step->d.iocoerce.fcinfo_data_out);
				limit_call(step->d.iocoerce.fcinfo_data_in);
				break;
			case EEOP_MINMAX:
				limit_call(step->d.minmax.fcinfo_data);
				break;
			case EEOP_ARRAYCOERCE:
				if (step->d.arraycoerce.elemexprstate != NULL)
					evaluation_limit(step->d.arraycoerce.elemexprstate);
				break;
			default:
				break;
		}
	}
}

bool
evaluation_is_to_blame(int code)
{
	switch (ERRCODE_TO_CATEGORY(code))
	{
		case MAKE_SQLSTATE('L', 'E', '0', '0', '0'):
		case MAKE_SQLSTATE('4', '0', '0', '0', '0'):
		case MAKE_SQLSTATE('5', '3', '0', '0', '0'):
		case MAKE_SQLSTATE('5', '5', '0', '0', '0'):
		case MAKE_SQLSTATE('5', '7', '0', '0', '0'):
		case MAKE_SQLSTATE('5', '8', '0', '0', '0'):
			return false;
		default:
			return code != ERRCODE_DATA_CORRUPTED && code != ERRCODE_INDEX_CORRUPTED;
	}
}
