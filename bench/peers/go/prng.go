package main

import _ "unsafe" // for the import below

// Go's runtime loads bcryptprimitives.dll from the system's folder only, where Wine 8 has none. A library that is loaded already is
// found by its name, wherever it came from: so this program imports it, and Windows' loader takes the one beside it (see
// bcryptprimitives.c). On Windows it is the system's own.
//
//go:cgo_import_dynamic main.processPrng ProcessPrng%2 "bcryptprimitives.dll"
var processPrng uintptr

func init() {
	if processPrng == 0 {
		panic("ProcessPrng is not there")
	}
}
