/*
 * SWIG for .NET: how the functions of ws2echo.h look from C#. Included by ../ws2echo.i, before the header.
 *
 * What comes out is the raw layer, internal to the assembly: the C functions under their C names, returning their Winsock code.
 * Everything that a .NET user sees is written by hand on top of it, in Ws2Echo/.
 */
%include <stdint.i>
%include <typemaps.i>
%include <arrays_csharp.i>

/* Nothing of it is public. unsafe, because buffers are handed over as pointers. */
%pragma(csharp) moduleclassmodifiers="internal static unsafe class"
%pragma(csharp) imclassclassmodifiers="internal unsafe class"
%typemap(csclassmodifiers) SWIGTYPE, SWIGTYPE *, SWIGTYPE &, SWIGTYPE [], SWIGTYPE (CLASS::*) "internal class"
%typemap(csclassmodifiers) enum SWIGTYPE "internal enum"

/* The two timeouts with a meaning and the sizes of two arrays are constants; the other macros are of no use in C#, or do not fit its types. */
%csconst(1) WS2ECHO_INFINITE;
%csconst(1) WS2ECHO_TIMEOUT_OF_OPTIONS;
%csconst(1) WS2ECHO_HISTOGRAM_COUNTS;
%csconst(1) WS2ECHO_LOAD_SIZES_MAX;
%ignore WS2ECHO_VERSION;
%ignore WS2ECHO_NO_MISMATCH;
%ignore WS2ECHO_ADDRESS_TEXT_SIZE;
%ignore WS2ECHO_REASON_COUNT;
%ignore WS2ECHO_FAULT_TEXT_SIZE;
%ignore WS2ECHO_LOAD_PROBLEM_COUNT;

/*
 * A handle goes in as the SafeHandle that owns it. It is not reference-counted for the call: closing must end a call that waits,
 * and the library knows a closed handle by its number. It is only kept from being finalised before the call returns.
 */
%typemap(cstype) ws2echo_server "global::Ws2Echo.ServerHandle"
%typemap(cstype) ws2echo_client "global::Ws2Echo.ClientHandle"
%typemap(cstype) ws2echo_load "global::Ws2Echo.LoadHandle"
%typemap(csin, post="      global::System.GC.KeepAlive($csinput);") ws2echo_server, ws2echo_client, ws2echo_load "$csinput.Id"

/* What is given back through the last parameter. */
%apply uint64_t *OUTPUT { ws2echo_server *server, ws2echo_client *client, ws2echo_load *load, uint64_t *sent, uint64_t *received }
%apply uint64_t *OUTPUT { uint64_t *value_us, uint64_t *lowest_us, uint64_t *highest_us }
%apply double *OUTPUT { double *mean_us, double *deviation_us }
%apply uint32_t *OUTPUT { uint32_t *reset_connections, uint32_t *id }
%apply uint16_t *OUTPUT { uint16_t *port }
%typemap(ctype) uintptr_t *handle "uintptr_t *"
%typemap(imtype, out="global::System.IntPtr") uintptr_t *handle "out global::System.IntPtr"
%typemap(cstype, out="global::System.IntPtr") uintptr_t *handle "out global::System.IntPtr"
%typemap(csin) uintptr_t *handle "out $csinput"
%typemap(in) uintptr_t *handle "$1 = $input;"

/* Buffers: the caller pins them for the call, so nothing is copied. */
%typemap(ctype) const void *data, void *buffer, void *reply "void *"
%typemap(imtype) const void *data, void *buffer, void *reply "byte*"
%typemap(cstype) const void *data, void *buffer, void *reply "byte*"
%typemap(csin) const void *data, void *buffer, void *reply "$csinput"
%typemap(in) const void *data, void *buffer, void *reply "$1 = $input;"

/*
 * A histogram is 21 KiB of the caller's memory. In C# it is a part of the object that shows it, so that the garbage collector knows what it
 * weighs and nothing has to be freed; the caller pins it for the call.
 */
%ignore ws2echo_histogram;
%typemap(ctype) ws2echo_histogram *, const ws2echo_histogram * "void *"
%typemap(imtype) ws2echo_histogram *, const ws2echo_histogram * "global::Ws2Echo.HistogramMemory*"
%typemap(cstype) ws2echo_histogram *, const ws2echo_histogram * "global::Ws2Echo.HistogramMemory*"
%typemap(csin) ws2echo_histogram *, const ws2echo_histogram * "$csinput"
%typemap(in) ws2echo_histogram *, const ws2echo_histogram * "$1 = $input;"

/* Strings are UTF-8, and what comes back lives as long as the library. */
%typemap(ctype, out="const char *") const char * "const char *"
%typemap(imtype, out="global::System.IntPtr") const char * "global::System.IntPtr"
%typemap(cstype) const char * "string"
%typemap(out) const char * "$result = $1;"
%typemap(csout, excode=SWIGEXCODE) const char * {
    global::System.IntPtr text = $imcall;$excode
    return global::System.Runtime.InteropServices.Marshal.PtrToStringUTF8(text) ?? string.Empty;
  }

/* The host of an options struct is lent for one call, by pointer: a copy by SWIG would have no owner. */
%typemap(ctype, out="const char *") const char *host "const char *"
%typemap(imtype, out="global::System.IntPtr") const char *host "global::System.IntPtr"
%typemap(cstype) const char *host "global::System.IntPtr"
%typemap(csin) const char *host "$csinput"
%typemap(in) const char *host "$1 = ($1_ltype)$input;"
%typemap(memberin) const char *host "$1 = $input;"
%typemap(csvarin, excode=SWIGEXCODE2) const char *host %{
    set {
      $imcall;$excode
    } %}
%typemap(csvarout, excode=SWIGEXCODE2) const char *host %{
    get {
      global::System.IntPtr ret = $imcall;$excode
      return ret;
    } %}

/* So are the faults of one, and the text of a rule. */
%apply const char *host { const char *faults, const char *text }

/* Texts inside of structs are read, never written. */
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
%typemap(ctype, out="const char *") char [ANY] "const char *"
%typemap(imtype, out="global::System.IntPtr") char [ANY] "global::System.IntPtr"
%typemap(cstype) char [ANY] "string"
%typemap(out) char [ANY] "$result = $1;"
%typemap(csvarout, excode=SWIGEXCODE2) char [ANY] %{
    get {
      global::System.IntPtr text = $imcall;$excode
      return global::System.Runtime.InteropServices.Marshal.PtrToStringUTF8(text) ?? string.Empty;
    } %}

/* An array of a struct has no counterpart in C#; its elements do. */
%ignore ws2echo_server_stats::connections_closed;
%extend ws2echo_server_stats {
    uint64_t connections_closed_by(uint32_t reason) {
        return reason < WS2ECHO_REASON_COUNT ? $self->connections_closed[reason] : 0;
    }
}

%ignore ws2echo_load_stats::problems;
%extend ws2echo_load_stats {
    uint64_t problems_of(uint32_t kind) {
        return kind < WS2ECHO_LOAD_PROBLEM_COUNT ? $self->problems[kind] : 0;
    }
}
%ignore ws2echo_load_options::message_bytes;
%extend ws2echo_load_options {
    uint32_t message_bytes_at(uint32_t index) {
        return index < WS2ECHO_LOAD_SIZES_MAX ? $self->message_bytes[index] : 0;
    }
    void set_message_bytes_at(uint32_t index, uint32_t bytes) {
        if (index < WS2ECHO_LOAD_SIZES_MAX) {
            $self->message_bytes[index] = bytes;
        }
    }
}

/* The offset that stands for "none" is compared here, where its macro is. */
%extend ws2echo_echo_progress {
    uint32_t is_mismatch(void) { return $self->mismatch_offset != WS2ECHO_NO_MISMATCH; }
}

/* A struct's sizeof, which the library checks in its field `size`. */
%define W2E_SIZED(TYPE)
%extend TYPE {
    static uint32_t sizeof_struct(void) { return (uint32_t)sizeof(struct TYPE); }
}
%enddef
W2E_SIZED(ws2echo_server_options)
W2E_SIZED(ws2echo_server_stats)
W2E_SIZED(ws2echo_event)
W2E_SIZED(ws2echo_client_options)
W2E_SIZED(ws2echo_client_stats)
W2E_SIZED(ws2echo_ping_options)
W2E_SIZED(ws2echo_load_options)
W2E_SIZED(ws2echo_load_stats)
W2E_SIZED(ws2echo_load_problem)
W2E_SIZED(ws2echo_model_info)
W2E_SIZED(ws2echo_fault)
W2E_SIZED(ws2echo_fault_info)
W2E_SIZED(ws2echo_fault_parameter_info)
