BEGIN { }
END { print "#include \"base/base.h\"\ntypedef int queries_empty;" > (out ".c"); print "" > (out ".h") }
