/*
 * SWIG for Python: how the functions of ws2echo.h look from Python. Included by ../ws2echo.i, before the header.
 *
 * What comes out is the raw layer, ws2echo._swig: the C functions without their prefix; a Winsock code becomes an exception, the
 * last parameter the result. Everything that a Python user sees is written by hand on top of it, in ws2echo/.
 */
%include <stdint.i>

%rename("%(strip:[ws2echo_])s", %$isfunction) "";
%rename("%(strip:[WS2ECHO_])s", %$isenumitem) "";
%rename("%(strip:[WS2ECHO_])s", %$isconstant) "";
%rename(ServerOptions) ws2echo_server_options;
%rename(ServerStats) ws2echo_server_stats;
%rename(ClientOptions) ws2echo_client_options;
%rename(ClientStats) ws2echo_client_stats;
%rename(Event) ws2echo_event;
%rename(Address) ws2echo_address;
%rename(EchoProgress) ws2echo_echo_progress;
%rename(PingOptions) ws2echo_ping_options;
%rename(PingProgress) ws2echo_ping_progress;
%rename(ModelInfo) ws2echo_model_info;
%rename(Fault) ws2echo_fault;
%rename(FaultInfo) ws2echo_fault_info;
%rename(FaultParameterInfo) ws2echo_fault_parameter_info;
%rename(Histogram) ws2echo_histogram;
%rename(LoadOptions) ws2echo_load_options;
%rename(LoadStats) ws2echo_load_stats;
%rename(LoadProblem) ws2echo_load_problem;

/* SWIG goes by the suffix, and would cut this one to 32 bits. */
%ignore WS2ECHO_NO_MISMATCH;
%constant unsigned long long NO_MISMATCH = WS2ECHO_NO_MISMATCH;

/* ---- failures ----------------------------------------------------------------------------------------------------------- */

%{
/* Raises what ws2echo._errors makes of the code and this thread's failure text: one place, in Python, knows the classes. */
static void raise_failure(int error) {
    PyObject *module = PyImport_ImportModule("ws2echo._errors");
    PyObject *failure = NULL;
    if (module != NULL) {
        const char *text = ws2echo_last_failure();
        PyObject *decoded = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
        if (decoded != NULL) {
            failure = PyObject_CallMethod(module, "failure", "iO", error, decoded);
            Py_DECREF(decoded);
        }
        Py_DECREF(module);
    }
    if (failure != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(failure), failure);
        Py_DECREF(failure);
    }
}
%}

/* Every function of the header that returns int returns a Winsock code. Fields are int32_t, and stay numbers. */
%typemap(out) int {
    if ($1 != 0) {
        raise_failure($1);
        SWIG_fail;
    }
    $result = Py_None;
    Py_INCREF($result);
}
%typemap(out) int32_t "$result = PyLong_FromLong((long)$1);"

/* ---- the interpreter lock ----------------------------------------------------------------------------------------------- */

/* Released around every call that can block. The thread stays the same, so its failure text is still right afterwards. */
%define W2E_BLOCKS(FUNCTION)
%exception FUNCTION {
    Py_BEGIN_ALLOW_THREADS
    $action
    Py_END_ALLOW_THREADS
}
%enddef
W2E_BLOCKS(ws2echo_server_open)
W2E_BLOCKS(ws2echo_server_next_event)
W2E_BLOCKS(ws2echo_server_wait)
W2E_BLOCKS(ws2echo_server_fault_add)
W2E_BLOCKS(ws2echo_server_fault_change)
W2E_BLOCKS(ws2echo_server_fault_remove)
W2E_BLOCKS(ws2echo_server_drain)
W2E_BLOCKS(ws2echo_server_stop)
W2E_BLOCKS(ws2echo_server_close)
W2E_BLOCKS(ws2echo_client_open)
W2E_BLOCKS(ws2echo_client_begin)
W2E_BLOCKS(ws2echo_client_connect)
W2E_BLOCKS(ws2echo_client_send)
W2E_BLOCKS(ws2echo_client_recv)
W2E_BLOCKS(client_recv_bytes)
W2E_BLOCKS(ws2echo_client_shutdown)
W2E_BLOCKS(ws2echo_client_echo)
W2E_BLOCKS(ws2echo_client_ping)
W2E_BLOCKS(ws2echo_client_close)
W2E_BLOCKS(ws2echo_client_reset)
W2E_BLOCKS(ws2echo_load_open)
W2E_BLOCKS(ws2echo_load_next_problem)
W2E_BLOCKS(ws2echo_load_wait)
W2E_BLOCKS(ws2echo_load_close)

/* ---- results through the last parameter --------------------------------------------------------------------------------- */

%define W2E_RESULT(TYPE, PARAMETER, CONVERT)
%typemap(in, numinputs=0) TYPE *PARAMETER (TYPE value = 0) "$1 = &value;"
%typemap(argout) TYPE *PARAMETER {
    Py_XDECREF($result);
    $result = CONVERT(*$1);
    if ($result == NULL) SWIG_fail;
}
%enddef
W2E_RESULT(ws2echo_server, server, PyLong_FromUnsignedLongLong)
W2E_RESULT(ws2echo_client, client, PyLong_FromUnsignedLongLong)
W2E_RESULT(ws2echo_load, load, PyLong_FromUnsignedLongLong)
W2E_RESULT(uint16_t, port, PyLong_FromUnsignedLong)
W2E_RESULT(uint32_t, reset_connections, PyLong_FromUnsignedLong)
W2E_RESULT(uint32_t, id, PyLong_FromUnsignedLong)
W2E_RESULT(uint64_t, received, PyLong_FromUnsignedLongLong)
W2E_RESULT(uintptr_t, handle, PyLong_FromSize_t)
W2E_RESULT(uint64_t, value_us, PyLong_FromUnsignedLongLong)
W2E_RESULT(double, mean_us, PyFloat_FromDouble)
W2E_RESULT(double, deviation_us, PyFloat_FromDouble)

%typemap(in, numinputs=0) (uint64_t *lowest_us, uint64_t *highest_us) (uint64_t lowest = 0, uint64_t highest = 0) {
    $1 = &lowest;
    $2 = &highest;
}
%typemap(argout) (uint64_t *lowest_us, uint64_t *highest_us) {
    Py_XDECREF($result);
    $result = Py_BuildValue("(KK)", (unsigned long long)*$1, (unsigned long long)*$2);
    if ($result == NULL) SWIG_fail;
}

/* A count that holds after a failure too cannot be a result: the caller lends a Counter. */
%{
typedef struct Counter { uint64_t value; } Counter;
%}
typedef struct Counter { uint64_t value; } Counter;
%typemap(in, noblock=1) uint64_t *sent (void *counter = NULL, int status = 0) {
    status = SWIG_ConvertPtr($input, &counter, $descriptor(Counter *), 0);
    if (!SWIG_IsOK(status)) %argument_fail(status, "Counter", $symname, $argnum);
    $1 = counter ? &((Counter *)counter)->value : NULL;
}

/* ---- buffers: the memory of the caller's object itself, held while the call lasts --------------------------------------------- */

%typemap(in) (const void *data, uint64_t size) (Py_buffer view = {0}) {
    if (PyObject_GetBuffer($input, &view, PyBUF_SIMPLE) != 0) SWIG_fail;
    $1 = view.buf;
    $2 = (uint64_t)view.len;
}
%typemap(freearg) (const void *data, uint64_t size) "PyBuffer_Release(&view$argnum);"

%typemap(in) (void *buffer, uint64_t size) (Py_buffer view = {0}) {
    if (PyObject_GetBuffer($input, &view, PyBUF_WRITABLE) != 0) SWIG_fail;
    $1 = view.buf;
    $2 = (uint64_t)view.len;
}
%typemap(freearg) (void *buffer, uint64_t size) "PyBuffer_Release(&view$argnum);"

%apply (const void *data, uint64_t size) { (const void *other, uint64_t other_size) };
%inline %{
static PyObject *buffers_overlap(const void *data, uint64_t size, const void *other, uint64_t other_size) {
    uintptr_t a = (uintptr_t)data, b = (uintptr_t)other;
    return PyBool_FromLong(size > 0 && other_size > 0 && a < b + other_size && b < a + size);
}
%}

/* arg3 is the size of the data of ws2echo_client_echo, which the reply must match. */
%typemap(in) void *reply (Py_buffer view = {0}) {
    if ($input != Py_None) {
        if (PyObject_GetBuffer($input, &view, PyBUF_WRITABLE) != 0) SWIG_fail;
        $1 = view.buf;
    }
}
%typemap(check) void *reply {
    if (view$argnum.obj != NULL && (uint64_t)view$argnum.len != arg3) {
        PyErr_SetString(PyExc_ValueError, "the reply buffer must be as long as the data");
        SWIG_fail;
    }
}
%typemap(freearg) void *reply "PyBuffer_Release(&view$argnum);"

/*
 * ws2echo_client_echo once more, for a short message from beginning to end in one step of Python: None if every byte came back as it was
 * sent; else the code, the progress, with which client_echo can go on, and what came.
 */
%constant unsigned int QUICK_BYTES = 4096;
%inline %{
static PyObject *client_echo_quick(ws2echo_client client, const void *data, uint64_t size, uint32_t timeout_ms) {
    unsigned char reply[4096];
    ws2echo_echo_progress progress = {0};
    int error;
    if (size > sizeof reply) {
        PyErr_SetString(PyExc_ValueError, "a message of more than QUICK_BYTES");
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    error = ws2echo_client_echo(client, data, size, reply, timeout_ms, &progress);
    Py_END_ALLOW_THREADS
    if (error == 0 && progress.mismatch_offset == WS2ECHO_NO_MISMATCH) {
        Py_RETURN_NONE;
    }
    ws2echo_echo_progress *come = calloc(1, sizeof *come);
    if (come == NULL) {
        return PyErr_NoMemory();
    }
    *come = progress;
    return Py_BuildValue("(iNN)", error, SWIG_NewPointerObj(come, SWIGTYPE_p_ws2echo_echo_progress, SWIG_POINTER_OWN),
                         PyByteArray_FromStringAndSize((const char *)reply, (Py_ssize_t)size));
}
%}

/*
 * ws2echo_client_recv once more, into a bytes object made for it. When that is filled, it is the result itself; else what came is
 * copied out of it, for the stable ABI cannot shorten a bytes object.
 */
%{
#define client_recv_bytes ws2echo_client_recv
%}
%typemap(in) (void *fresh, uint64_t size) (PyObject *bytes = NULL) {
    Py_ssize_t wanted = PyLong_AsSsize_t($input);
    if (wanted < 0) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_OverflowError, "the size is negative");
        SWIG_fail;
    }
    bytes = PyBytes_FromStringAndSize(NULL, wanted);
    if (bytes == NULL) SWIG_fail;
    $1 = PyBytes_AsString(bytes);
    $2 = (uint64_t)wanted;
}
%typemap(in, numinputs=0) uint64_t *came (uint64_t value = 0) "$1 = &value;"
%typemap(argout) (void *fresh, uint64_t size) {
    Py_XDECREF($result);
    if (*arg5 == $2) {
        $result = bytes$argnum;
        bytes$argnum = NULL;
    } else {
        $result = PyBytes_FromStringAndSize($1, (Py_ssize_t)*arg5);
        if ($result == NULL) SWIG_fail;
    }
}
%typemap(freearg) (void *fresh, uint64_t size) "Py_XDECREF(bytes$argnum);"
int client_recv_bytes(ws2echo_client client, void *fresh, uint64_t size, uint32_t timeout_ms, uint64_t *came);

/* ---- structs ------------------------------------------------------------------------------------------------------------ */

/* A struct is made with its `size` set, an options struct with its defaults. Its fields are what it is made of: no new one slips in. */
%define W2E_STRUCT(NAME, PREPARE)
%exception NAME {
    $action
    if (result == NULL) {
        PyErr_NoMemory();
        SWIG_fail;
    }
}
%extend NAME {
    NAME(void) {
        struct NAME *made = calloc(1, sizeof *made);
        if (made != NULL) { PREPARE; }
        return made;
    }
}
%pythonnondynamic NAME;
%enddef
W2E_STRUCT(ws2echo_server_stats, made->size = sizeof *made)
W2E_STRUCT(ws2echo_event, made->size = sizeof *made)
W2E_STRUCT(ws2echo_client_stats, made->size = sizeof *made)
W2E_STRUCT(ws2echo_model_info, made->size = sizeof *made)
W2E_STRUCT(ws2echo_fault, made->size = sizeof *made)
W2E_STRUCT(ws2echo_fault_info, made->size = sizeof *made)
W2E_STRUCT(ws2echo_fault_parameter_info, made->size = sizeof *made)
W2E_STRUCT(ws2echo_load_stats, made->size = sizeof *made)
W2E_STRUCT(ws2echo_load_problem, made->size = sizeof *made)
W2E_STRUCT(ws2echo_histogram, (void)ws2echo_histogram_init(made))
W2E_STRUCT(ws2echo_server_options, (void)ws2echo_server_options_init(made))
W2E_STRUCT(ws2echo_client_options, (void)ws2echo_client_options_init(made))
W2E_STRUCT(ws2echo_ping_options, (void)ws2echo_ping_options_init(made))
W2E_STRUCT(ws2echo_load_options, (void)ws2echo_load_options_init(made))
%ignore ws2echo_histogram_init;
%ignore ws2echo_server_options_init;
%ignore ws2echo_client_options_init;
%ignore ws2echo_ping_options_init;
%ignore ws2echo_load_options_init;

/* The host of an options struct, and so its faults, is a copy of the struct's own, until it is set again, filled anew, or freed. */
%{
static char *copied(const char *text) {
    char *copy = text ? malloc(strlen(text) + 1) : NULL;
    return copy ? strcpy(copy, text) : NULL;
}
%}
%typemap(memberin) const char *host, const char *faults {
    free((char *)$1);
    $1 = copied($input);
    if ($input != NULL && $1 == NULL) {
        PyErr_NoMemory();
        SWIG_fail;
    }
}
%typemap(check) ws2echo_server_options *options {
    if ($1 != NULL) {
        free((char *)$1->host);
        free((char *)$1->faults);
        $1->host = NULL;
        $1->faults = NULL;
    }
}
%typemap(check) ws2echo_client_options *options, ws2echo_load_options *options {
    if ($1 != NULL) {
        free((char *)$1->host);
        $1->host = NULL;
    }
}
%typemap(check) const ws2echo_server_options *options, const ws2echo_client_options *options,
                const ws2echo_load_options *options "";
%extend ws2echo_server_options {
    ~ws2echo_server_options(void) {
        free((char *)$self->host);
        free((char *)$self->faults);
        free($self);
    }
}
%extend ws2echo_client_options {
    ~ws2echo_client_options(void) {
        free((char *)$self->host);
        free($self);
    }
}

%extend ws2echo_load_options {
    ~ws2echo_load_options(void) {
        free((char *)$self->host);
        free($self);
    }
}

/* The sizes of a load's messages are a sequence in Python; of an array of the struct, all that it does not fill becomes 0. */
%typemap(in) uint32_t message_bytes[ANY] (uint32_t sizes[$1_dim0]) {
    Py_ssize_t count = PySequence_Size($input);
    if (count < 0) SWIG_fail;
    if (count > $1_dim0) {
        PyErr_SetString(PyExc_ValueError, "more sizes of messages than there is room for");
        SWIG_fail;
    }
    memset(sizes, 0, sizeof sizes);
    for (Py_ssize_t index = 0; index < count; index++) {
        PyObject *element = PySequence_GetItem($input, index);
        unsigned long long size = element ? PyLong_AsUnsignedLongLong(element) : 0;
        Py_XDECREF(element);
        if (PyErr_Occurred()) SWIG_fail;
        if (size > UINT32_MAX) {
            PyErr_SetString(PyExc_OverflowError, "a size of messages does not fit into 32 bits");
            SWIG_fail;
        }
        sizes[index] = (uint32_t)size;
    }
    $1 = sizes;
}

/* Texts, and arrays but for those sizes, are read, never written. */
%immutable ws2echo_address::host;
%immutable ws2echo_model_info::name;
%immutable ws2echo_model_info::family;
%immutable ws2echo_model_info::summary;
%immutable ws2echo_model_info::calls;
%immutable ws2echo_model_info::limits;
%immutable ws2echo_fault::text;
%immutable ws2echo_fault_info::name;
%immutable ws2echo_fault_info::summary;
%immutable ws2echo_fault_parameter_info::name;
%immutable ws2echo_fault_parameter_info::unit;
%immutable ws2echo_fault_parameter_info::summary;
%immutable ws2echo_server_stats::connections_closed;
%immutable ws2echo_load_stats::problems;
%immutable ws2echo_histogram::counts;
%typemap(out) uint64_t [ANY], uint32_t [ANY] {
    $result = PyTuple_New($1_dim0);
    for (Py_ssize_t index = 0; $result != NULL && index < $1_dim0; index++) {
        PyObject *element = PyLong_FromUnsignedLongLong($1[index]);
        if (element == NULL || PyTuple_SetItem($result, index, element) != 0) Py_CLEAR($result);
    }
    if ($result == NULL) SWIG_fail;
}
