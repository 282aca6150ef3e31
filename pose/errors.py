"""UserError: a mistake or a state of the outside world that the user can put right.

Expected failures derive from it, live beside the code that raises them, and reach the user as one
line without a traceback. The tree:

    UserError
    ├── pose.weight_files.WeightsError    a weights file is missing, damaged, or of another network
    │   └── pose.library.OtherKindError   a detector where a pose network is needed, or vice versa
    ├── pose.runtime.DeviceError          the device asked for is not there
    ├── pose.training.readers.TrainingDataError   training data or a run that cannot be used
    ├── tracking.files.TracksFileError    a tracks file cannot be read or written
    ├── evaluation.annotations.AnnotationError   truth or predictions cannot be scored
    ├── evaluation.recordings.TruthError   the tracker's recordings are missing or cannot be read
    ├── app.config.ConfigError            a setting or preset is wrong
    ├── app.corrections.CorrectionsError  a corrections file that cannot be read or written
    ├── app.batch.cluster.ClusterError    a cluster that cannot be used
    ├── app.batch.store.StoreError        a store that cannot be reached, read or written
    ├── app.labelling.LabelsError         corrected labels that belong to other frames
    └── app.video.source.MediaError       a video, picture or camera cannot be read or written
"""


class UserError(Exception):
    """An expected failure. Its text is one line that says what, where, and what to do."""
