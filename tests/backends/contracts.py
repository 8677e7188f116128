"""Where the contract of every public name of the four packages is tested, for all four at once.

By name, the tests of what it does on good input, and on bad input where it takes any; a test is
`file::function` below `tests`. `tests/common/test_contracts.py` compares the list with what the
packages export and with the tests that are there.
"""

from typing import NamedTuple


class Contract(NamedTuple):
    """Tests of one name."""

    good: tuple[str, ...]
    bad: tuple[str, ...] = ()


_HERE = "backends/test_contracts.py::"
_ARRAYS = "backends/test_arrays.py::"
_BOOK = "backends/test_book_names.py::"
_CALLBACKS = "common/training/test_callbacks.py::"
_DEVICES = "backends/test_devices.py::"
_EXPORT = "backends/test_export.py::"
_FUSE = "backends/test_fuse.py::"
_HESSIAN = "backends/test_hessian.py::"
_IMPORT = "backends/test_import.py::"
_LOGGERS = "common/training/test_loggers.py::"
_NETWORK = "backends/test_network.py::"
_NETWORKS = "backends/test_networks.py::"
_OVERRIDES = "backends/test_overrides.py::"
_OWN_LAYERS = "backends/test_own_layers.py::"
_PARITY = "backends/test_parity.py::"
_REGNET = "backends/test_regnet.py::"
_STUDIES = "backends/test_threads.py::"
_TRAINING = "backends/test_training.py::"

_ANYTHING_ELSE = f"{_NETWORKS}test_anything_else_is_a_backend_error"
_WITHOUT_WEIGHTS = f"{_NETWORKS}test_a_network_without_weights_says_so"
_BY_HAND = f"{_NETWORKS}test_a_network_written_by_hand_has_no_spec"

_BLOCK = Contract(
    (
        f"{_NETWORK}test_random_networks_equal_the_plan",
        f"{_NETWORK}test_a_block_makes_its_layers_by_the_factories_that_it_is_given",
    ),
    (
        f"{_NETWORK}test_a_block_has_stride_1_or_2",
        f"{_HERE}test_what_is_no_block_is_a_spec_error_at_its_first_call_at_the_latest",
    ),
)

CONTRACTS = {
    "AnyNet": Contract(
        (
            f"{_NETWORK}test_the_chapters_constructor_gives_the_chapters_network",
            f"{_NETWORK}test_random_networks_equal_the_plan",
        ),
        (f"{_NETWORK}test_a_bad_arch_is_a_spec_error",),
    ),
    "CSVLogger": Contract(
        (f"{_LOGGERS}test_a_csv_file_has_the_numbers_of_the_record",),
        (f"{_LOGGERS}test_a_file_of_others_is_refused_before_the_run_writes_anything",),
    ),
    "Callback": Contract(
        (f"{_CALLBACKS}test_hooks_are_called_in_the_order_of_the_run",),
        (f"{_CALLBACKS}test_what_would_never_be_called_is_refused",),
    ),
    "Classifier": Contract(
        (
            f"{_BOOK}test_the_accuracy_is_the_fraction_of_right_images",
            f"{_BOOK}test_the_loss_of_each_image_averages_to_the_loss",
            f"{_NETWORK}test_what_flows_through_has_the_shapes_of_the_plan",
        ),
        (
            f"{_OVERRIDES}test_methods_of_a_model_that_training_does_not_call_are_refused_by_name",
            f"{_OVERRIDES}test_a_loss_that_takes_other_arguments_is_refused_by_name",
        ),
    ),
    "FashionMNIST": Contract(
        (
            f"{_BOOK}test_a_loader_gives_batches_as_the_network_sees_them",
            f"{_BOOK}test_labels_have_names",
        ),
        (
            f"{_BOOK}test_images_of_three_channels_are_refused",
            f"{_OVERRIDES}test_loaders_that_training_does_not_read_are_refused_by_name",
        ),
    ),
    "HyperParameters": Contract((f"{_BOOK}test_hyperparameters_are_kept",)),
    "Learner": Contract(
        (
            f"{_TRAINING}test_the_second_step_is_the_recipes",
            f"{_TRAINING}test_the_step_reports_the_loss_and_the_correct_images",
            f"{_TRAINING}test_predict_uses_the_running_statistics",
            f"{_TRAINING}test_a_state_put_back_continues_bit_for_bit",
            f"{_TRAINING}test_a_state_is_a_copy",
            f"{_HERE}test_a_learners_network_has_the_newest_weights",
            f"{_HERE}test_a_learner_evaluates_without_changing_itself",
        ),
        (
            _ANYTHING_ELSE,
            f"{_NETWORKS}test_a_learner_refuses_settings_that_it_does_not_know",
            f"{_ARRAYS}test_a_learner_refuses_what_are_no_pixels",
            f"{_ARRAYS}test_a_step_refuses_other_labels_and_moves_nothing",
            f"{_ARRAYS}test_a_state_that_does_not_fit_leaves_the_learner_as_it_was",
            f"{_HERE}test_no_images_are_no_step",
            f"{_HERE}test_what_is_no_state_is_a_weights_error",
        ),
    ),
    "MLPBlock": _BLOCK,
    "RegNetX32": Contract((f"{_NETWORKS}test_a_module_has_the_weights_that_its_seed_draws",)),
    "ResNeXtBlock": _BLOCK,
    "ResNetBlock": _BLOCK,
    "TensorBoardLogger": Contract(
        (f"{_LOGGERS}test_tensorboard_gets_the_numbers_of_every_row",),
        (f"{_LOGGERS}test_tensorboard_needs_a_folder_of_its_own",),
    ),
    "Trainer": Contract(
        (
            f"{_TRAINING}test_a_run_leaves_its_files",
            f"{_TRAINING}test_a_resumed_run_ends_in_the_same_bytes",
            f"{_HERE}test_a_trainers_learner_has_its_recipe_and_device",
            f"{_HERE}test_a_trainer_computes_the_loss_of_a_model",
        ),
        (
            f"{_NETWORKS}test_a_trainer_takes_networks_alone",
            f"{_OVERRIDES}test_other_arguments_of_a_trainer_are_not_misread",
            f"{_TRAINING}test_a_loss_that_is_not_finite_ends_the_run_at_its_step",
        ),
    ),
    "VBlock": _BLOCK,
    "VRBlock": _BLOCK,
    "VanillaBlock": _BLOCK,
    "add_to_class": Contract((f"{_BOOK}test_a_method_is_added_to_a_class",)),
    "clear_caches": Contract(
        (
            f"{_TRAINING}test_networks_that_are_gone_leave_nothing",
            f"{_HERE}test_networks_live_on_when_caches_are_cleared",
        )
    ),
    "create": Contract(
        (f"{_NETWORK}test_a_seed_is_the_same_network_as_the_shared_draw",),
        (
            f"{_NETWORK}test_an_unknown_name_is_a_spec_error",
            f"{_HERE}test_what_describes_no_network_is_a_spec_error",
        ),
    ),
    "devices": Contract((f"{_NETWORK}test_devices_end_with_the_cpu",)),
    "export": Contract(
        (f"{_EXPORT}test_a_fresh_process_gives_the_same_logits",),
        (
            _ANYTHING_ELSE,
            _BY_HAND,
            _WITHOUT_WEIGHTS,
            f"{_EXPORT}test_an_image_size_below_one_is_refused",
            f"{_HERE}test_an_export_replaces_a_file_and_no_folder_in_use",
        ),
    ),
    "fuse": Contract(
        (
            f"{_FUSE}test_a_fused_network_has_the_same_logits",
            f"{_HERE}test_a_fused_network_has_the_learning_rate_of_the_one_it_is_made_of",
        ),
        (_ANYTHING_ELSE, _BY_HAND, _WITHOUT_WEIGHTS),
    ),
    "get_weights": Contract(
        (
            f"{_NETWORK}test_arrays_are_those_of_the_plan",
            f"{_HERE}test_weights_that_are_read_are_copies",
        ),
        (_ANYTHING_ELSE, _WITHOUT_WEIGHTS),
    ),
    "hessian_product": Contract(
        (
            f"{_PARITY}test_second_derivatives_are_the_references_where_there_are_any",
            f"{_HERE}test_second_derivatives_are_computed_or_refused_by_name",
        ),
        (f"{_HESSIAN}test_anything_else_is_one_error",),
    ),
    "keep_freed_memory": Contract((f"{_IMPORT}test_keeping_freed_memory_is_a_call_of_its_own",)),
    "layer_outputs": Contract(
        (f"{_PARITY}test_outputs_of_convolutions_and_batch_norms_are_observed",),
        (
            _ANYTHING_ELSE,
            _BY_HAND,
            _WITHOUT_WEIGHTS,
            f"{_ARRAYS}test_other_images_are_a_data_error",
        ),
    ),
    "load": Contract(
        (f"{_NETWORK}test_a_saved_network_comes_back",),
        (
            f"{_NETWORK}test_a_missing_weight_file_is_a_weights_error",
            f"{_HERE}test_what_is_no_weight_file_is_a_weights_error_that_names_it",
            f"{_HERE}test_a_folder_is_no_weight_file",
        ),
    ),
    "logits": Contract(
        (
            f"{_NETWORK}test_logits_are_float32_and_finite",
            f"{_NETWORK}test_training_logits_leave_the_network_as_it_was",
            f"{_HERE}test_images_stay_as_they_are",
            f"{_HERE}test_outputs_belong_to_the_caller",
        ),
        (
            _ANYTHING_ELSE,
            _WITHOUT_WEIGHTS,
            f"{_ARRAYS}test_other_images_are_a_data_error",
        ),
    ),
    "regnet": Contract(
        (f"{_REGNET}test_a_regnet_may_have_other_classes_and_channels",),
        (
            f"{_REGNET}test_an_unknown_regnet_is_a_spec_error",
            f"{_HERE}test_a_regnet_that_is_none_is_a_spec_error",
        ),
    ),
    "resize_images": Contract(
        (f"{_TRAINING}test_resizing_equals_the_shared_definition",),
        (f"{_TRAINING}test_what_are_no_pixels_is_not_scaled",),
    ),
    "save": Contract(
        (f"{_NETWORK}test_rewriting_a_weight_file_changes_no_byte",),
        (
            _ANYTHING_ELSE,
            _BY_HAND,
            _WITHOUT_WEIGHTS,
            f"{_HERE}test_a_network_that_no_file_holds_leaves_the_file_as_it_was",
        ),
    ),
    "set_weights": Contract(
        (
            f"{_ARRAYS}test_weights_of_any_layout_are_converted",
            f"{_HERE}test_weights_that_are_put_in_are_copied",
        ),
        (
            f"{_ARRAYS}test_weights_that_do_not_fit_leave_the_network_as_it_was",
            f"{_NETWORKS}test_weights_are_put_into_networks_alone",
        ),
    ),
    "try_gpu": Contract(
        (f"{_BOOK}test_a_gpu_that_is_not_there_is_the_cpu",),
        (f"{_HERE}test_what_numbers_no_gpu_is_a_config_error",),
    ),
    # Constants: what they say is so.
    "CHANNELS_LAST": Contract((f"{_BOOK}test_a_loader_gives_batches_as_the_network_sees_them",)),
    "EXPORTS_FOLDER": Contract((f"{_HERE}test_an_export_replaces_a_file_and_no_folder_in_use",)),
    "MODULES_HOLD_WEIGHTS": Contract(
        (f"{_OVERRIDES}test_a_loss_object_does_not_hide_the_method_in_silence",)
    ),
    "SUPPORTS_BFLOAT16": Contract((f"{_TRAINING}test_bfloat16_trains_or_says_that_it_cannot",)),
    "SUPPORTS_CONFIGURE_OPTIMIZERS": Contract(
        (
            f"{_OVERRIDES}test_an_own_optimizer_takes_the_step",
            f"{_OVERRIDES}test_an_own_optimizer_is_refused_by_name_where_it_would_be_ignored",
        )
    ),
    "SUPPORTS_FLOAT64_OWN_LAYERS": Contract(
        (f"{_OWN_LAYERS}test_own_layers_in_float64_are_float64_or_refused",)
    ),
    "SUPPORTS_FORWARD_MODE": Contract(
        (f"{_HERE}test_the_forward_mode_gives_the_slope_of_the_logits",)
    ),
    "SUPPORTS_KEEPING_MEMORY": Contract(
        (f"{_IMPORT}test_keeping_freed_memory_is_a_call_of_its_own",)
    ),
    "SUPPORTS_RANDOM_LAYERS": Contract(
        (f"{_OWN_LAYERS}test_layers_that_draw_random_numbers_learn_or_are_one_error",)
    ),
    "SUPPORTS_SECOND_DERIVATIVES": Contract(
        (f"{_HERE}test_second_derivatives_are_computed_or_refused_by_name",)
    ),
    "SUPPORTS_SEVERAL_DEVICES": Contract(
        (f"{_DEVICES}test_two_devices_end_in_the_weights_of_one",),
        (f"{_DEVICES}test_a_framework_that_trains_on_one_device_refuses_several",),
    ),
    "SUPPORTS_TRAINING_IN_THREADS": Contract(
        (f"{_STUDIES}test_threads_of_a_worker_find_the_errors_of_one",),
        (
            "common/studies/test_worker.py::"
            "test_a_framework_without_threads_refuses_several_networks_at_once",
        ),
    ),
    "own_stream": Contract((f"{_STUDIES}test_threads_of_a_worker_find_the_errors_of_one",)),
    "SUPPORTS_TF32": Contract((f"{_TRAINING}test_tf32_on_a_cpu_is_a_backend_error",)),
}
