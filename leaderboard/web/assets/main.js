startTheme();
startTable();
startComparing();
startCopies();
startStatus();
