from jaxtyping import install_import_hook

# Check every jaxtyping annotation at run time while the tests run.
install_import_hook(['vggt_ros', 'training'], 'beartype.beartype')
