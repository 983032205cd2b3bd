"""The model of OpenLRM: encoder, transformer, planes, decoder, and its checkpoints."""
