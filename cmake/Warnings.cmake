# Every warning worth having, as an error. On code of ours only: generated code is compiled without.
function(w2e_warn target)
    if(MSVC)
        target_compile_options(${target} PRIVATE /W4 /WX /utf-8)
        target_compile_definitions(${target} PRIVATE _CRT_SECURE_NO_WARNINGS)
    else()
        target_compile_options(
            ${target}
            PRIVATE -Wall
                    -Wextra
                    -Werror
                    -Wconversion
                    -Wsign-conversion
                    -Wshadow
                    -Wstrict-prototypes
                    -Wmissing-prototypes
                    -Wpointer-arith
                    -Wcast-qual
                    -Wwrite-strings
                    -Wvla
                    -Wundef
                    -Wformat=2
                    -Wswitch-enum)
    endif()
endfunction()
