/*
 * The one SWIG interface of ws2echo: the public header, seen through each language's typemaps.
 * SWIG makes the raw layer only; what users of a language see is written by hand on top of it, in that language's folder.
 */
%module ws2echo

%{
#include "ws2echo.h"
%}

#ifdef SWIGPYTHON
%include "python/python.i"
#endif
#ifdef SWIGCSHARP
%include "csharp/csharp.i"
#endif

%include "ws2echo.h"
